//! Makes the messages of the call-control door from the definitions in
//! `proto/`: the types, one check per message from the limits written beside
//! its fields, and the descriptor set that reflection shows.
//!
//! Nothing but the definitions decides a limit. A pattern that does not
//! compile fails the build.

use prost_reflect::{
    Cardinality, DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value,
};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

type Failure = Box<dyn Error>;

/// The files that nobody imports; the rest follows from them.
const ROOTS: &[&str] = &[
    "mobile_video_service.proto",
    "selfhost/video/v1/convo_directory_service.proto",
    "selfhost/video/v1/media_plane_service.proto",
    "selfhost/video/v1/state_stream_service.proto",
    "video/v1/internal_kik_video_service.proto",
    "video/v1/kik_video_service.proto",
    "video/v1/rounds_video_conference_service.proto",
];

/// Packages that hold definitions about definitions.
const ABOUT_DEFINITIONS: &[&str] = &["google.protobuf", "kik", "kik.validation"];

/// The option that carries the limits of a field.
const LIMITS: &str = "kik.validation.field_validation";

/// Rules that the options cannot say, by message; each names a function in
/// `callctl::check`.
const FURTHER: &[(&str, &str)] = &[
    ("common.video.v1.ConvoId", "has_a_kind"),
    ("common.video.v1.OneToOneConvoId", "two_people"),
    ("common.video.v1.ConferenceConnectionInfo", "a_port"),
];

fn main() -> Result<(), Failure> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=build.rs");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_files(ROOTS)?;
    std::fs::write(out.join("callctl.bin"), compiler.encode_file_descriptor_set())?;
    messages(&compiler, &out)?;
    std::fs::write(out.join("callctl_checks.rs"), checks(&compiler.descriptor_pool())?)?;
    Ok(())
}

fn messages(compiler: &protox::Compiler, out: &Path) -> Result<(), Failure> {
    let mut config = prost_build::Config::new();
    config.out_dir(out).include_file("callctl.rs").disable_comments(["."]);
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// One `impl Check` for each message.
fn checks(pool: &DescriptorPool) -> Result<String, Failure> {
    let mut text = String::new();
    for message in pool.all_messages() {
        if ABOUT_DEFINITIONS.contains(&message.package_name()) || message.is_map_entry() {
            continue;
        }
        let mut body = String::new();
        for field in message.fields() {
            check_field(&mut body, &field)?;
        }
        if let Some((_, rule)) = FURTHER.iter().find(|(name, _)| *name == message.full_name()) {
            writeln!(body, "super::check::{rule}(self)?;")?;
        }
        writeln!(
            text,
            "impl super::check::Check for super::pb::{} {{\n\
             fn check(&self) -> Result<(), super::check::Offence> {{\n{body}Ok(())\n}}\n}}",
            rust_path(&message)
        )?;
    }
    Ok(text)
}

/// `a.b.Outer.Inner` as `a::b::outer::Inner`.
fn rust_path(message: &MessageDescriptor) -> String {
    let mut parts: Vec<String> = message.package_name().split('.').map(str::to_owned).collect();
    let mut outer = Vec::new();
    let mut parent = message.parent_message();
    while let Some(above) = parent {
        outer.push(above.name().to_lowercase_snake());
        parent = above.parent_message();
    }
    parts.extend(outer.into_iter().rev());
    parts.push(message.name().to_owned());
    parts.join("::")
}

/// Module names as the generator of the types makes them.
trait Snake {
    fn to_lowercase_snake(&self) -> String;
}

impl Snake for str {
    fn to_lowercase_snake(&self) -> String {
        let mut out = String::new();
        for (at, letter) in self.chars().enumerate() {
            if letter.is_uppercase() && at > 0 {
                out.push('_');
            }
            out.extend(letter.to_lowercase());
        }
        out
    }
}

fn check_field(body: &mut String, field: &FieldDescriptor) -> Result<(), Failure> {
    let limits = field
        .options()
        .extensions()
        .find(|(extension, _)| extension.full_name() == LIMITS)
        .and_then(|(_, value)| value.as_message().cloned());
    if let Some(oneof) = field.containing_oneof().filter(|_| !field.is_list()) {
        if limits.is_some() {
            return Err(format!("{}: a limit on a branch", field.full_name()).into());
        }
        return check_branch(body, field, oneof.name());
    }
    let at = format!("{:?}", field.full_name());
    let name = field.name();
    if let Some(limits) = &limits {
        let rules = rules(field, limits)?;
        let looked_at = match (field.cardinality(), field.kind()) {
            (Cardinality::Repeated, _) => format!("list({at}, self.{name}.len(), &{rules})?;"),
            (_, Kind::String) => format!("text({at}, &self.{name}, &{rules})?;"),
            (_, Kind::Bytes) => format!("bytes({at}, &self.{name}, &{rules})?;"),
            (_, Kind::Message(_)) => format!("present({at}, self.{name}.is_some(), &{rules})?;"),
            (_, Kind::Uint32 | Kind::Uint64 | Kind::Int32 | Kind::Int64) => {
                format!("number({at}, i128::from(self.{name}), &{rules})?;")
            }
            (_, other) => return Err(format!("{at}: no check for {other:?}").into()),
        };
        writeln!(body, "super::check::{looked_at}")?;
        order(body, field, limits)?;
    }
    if let Kind::Message(inner) = field.kind()
        && !ABOUT_DEFINITIONS.contains(&inner.package_name())
    {
        let each = if field.is_list() { "for inner in" } else { "if let Some(inner) =" };
        writeln!(body, "{each} &self.{name} {{ super::check::Check::check(inner)?; }}")?;
    }
    Ok(())
}

fn check_branch(body: &mut String, field: &FieldDescriptor, oneof: &str) -> Result<(), Failure> {
    let Kind::Message(_) = field.kind() else {
        return Err(format!("{}: no check for this branch", field.full_name()).into());
    };
    let message = field.parent_message();
    let mut module = rust_path(message);
    let cut = module.len() - message.name().len();
    module.truncate(cut);
    module.push_str(&message.name().to_lowercase_snake());
    let (kind, branch) = (camel(oneof), camel(field.name()));
    writeln!(
        body,
        "if let Some(super::pb::{module}::{kind}::{branch}(inner)) = &self.{oneof} \
         {{ super::check::Check::check(inner)?; }}"
    )?;
    Ok(())
}

fn camel(snake: &str) -> String {
    let words = snake.split('_').map(|word| {
        let mut letters = word.chars();
        let first = letters.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    });
    words.collect()
}

/// The options of a field as a value of `callctl::check::Rules`.
fn rules(field: &FieldDescriptor, limits: &DynamicMessage) -> Result<String, Failure> {
    let mut text = String::from("super::check::Rules { ");
    for (option, value) in limits.fields() {
        let name = option.name();
        match value {
            Value::Bool(true) if name == "mandatory" => text.push_str("mandatory: true, "),
            Value::Bool(false) if name == "mandatory" => {}
            Value::String(pattern) if name == "regex" => {
                let whole = anchored(pattern);
                regex::Regex::new(&whole)?;
                write!(
                    text,
                    "pattern: {{ static P: super::check::Pattern = \
                     super::check::Pattern::new({whole:?}); Some(&P) }}, "
                )?;
            }
            Value::I32(n) if name.ends_with("byte_length") => {
                write!(text, "{name}: Some({}), ", usize::try_from(*n)?)?;
            }
            Value::U32(n) if name.ends_with("repetitions") => write!(text, "{name}: Some({n}), ")?,
            Value::I64(n) if name.ends_with("_val") => write!(text, "{name}: Some({n}), ")?,
            Value::EnumNumber(_) if name == "ordered" => {}
            _ => return Err(format!("{}: no check for {name}", field.full_name()).into()),
        }
    }
    text.push_str("..super::check::Rules::NONE }");
    Ok(text)
}

/// The same pattern for the whole text and in ASCII.
fn anchored(pattern: &str) -> String {
    let inner = pattern.strip_prefix('^').unwrap_or(pattern);
    let inner = inner.strip_suffix('$').unwrap_or(inner);
    format!(r"\A(?-u:{inner})\z")
}

/// `ordered`: by the one scalar field of the repeated message.
fn order(
    body: &mut String,
    field: &FieldDescriptor,
    limits: &DynamicMessage,
) -> Result<(), Failure> {
    let Some(Value::EnumNumber(direction)) = limits
        .fields()
        .find_map(|(option, value)| (option.name() == "ordered").then(|| value.clone()))
    else {
        return Ok(());
    };
    let Kind::Message(inner) = field.kind() else {
        return Err(format!("{}: order of scalars", field.full_name()).into());
    };
    let fields: Vec<FieldDescriptor> = inner.fields().collect();
    let [key] = fields.as_slice() else {
        return Err(format!("{}: order by which field?", field.full_name()).into());
    };
    let (list, key, at) = (field.name(), key.name(), field.full_name());
    writeln!(
        body,
        "super::check::ordered({at:?}, self.{list}.iter().map(|one| one.{key}.as_bytes()), \
         {})?;",
        direction == 0
    )?;
    Ok(())
}
