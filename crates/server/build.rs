//! Builds again when a file of the web client comes, goes or changes.
//!
//! Makes the gRPC services of the call-control door from the definitions that
//! `parlour-wire` carries; the messages are the ones it has made of them.

use std::error::Error;

/// The files with services.
const SERVICES: &[&str] = &[
    "mobile_video_service.proto",
    "selfhost/video/v1/convo_directory_service.proto",
    "selfhost/video/v1/media_plane_service.proto",
    "selfhost/video/v1/state_stream_service.proto",
    "video/v1/internal_kik_video_service.proto",
    "video/v1/kik_video_service.proto",
    "video/v1/rounds_video_conference_service.proto",
];

/// The first names of the packages.
const PACKAGES: &[&str] = &["common", "internal", "kik", "mobile", "mobileremote", "selfhost"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=../../web");
    println!("cargo:rerun-if-changed=../wire/proto");
    println!("cargo:rerun-if-changed=build.rs");
    let files = protox::compile(SERVICES, ["../wire/proto"])?;
    let mut builder =
        tonic_prost_build::configure().include_file("grpc.rs").disable_comments(["."]);
    for package in PACKAGES {
        let messages = format!("::parlour_wire::callctl::pb::{package}");
        builder = builder.extern_path(format!(".{package}"), messages);
    }
    // What is told to many is written once.
    builder = builder.extern_path(".selfhost.video.v1.WatchEvent", "crate::grpc::written::Written");
    builder = builder.codec_path("crate::grpc::codec::Checked");
    builder.compile_fds(files)?;
    Ok(())
}
