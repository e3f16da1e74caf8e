//! The OpenAPI document, made from the table of paths and the schemas beside
//! it.
//!
//! Source: OpenAPI Specification 3.1.

use super::problem::Code;
use super::route::{Method, ROUTES, Route};
use super::{PAGE_MAX, PREFIX};
use parlour_base::{Json, JsonMap};
use serde_json::json;

/// The schemas of all bodies, as JSON.
const SCHEMAS: &str = include_str!("schemas.json");

/// The document.
#[must_use]
pub fn document() -> Json {
    let mut paths = JsonMap::new();
    for route in ROUTES {
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.name().to_ascii_lowercase()] = operation(route);
    }
    let schemas: Json = serde_json::from_str(SCHEMAS).unwrap_or_default();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Parlour integration API",
            "version": "1",
            "description": "Rooms, users, contacts, rights, names, calls, tokens and keys. \
                See docs/reference/api.md.",
        },
        "servers": [{ "url": PREFIX }],
        "security": [{ "key": [] }],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": { "key": { "type": "http", "scheme": "bearer" } },
            "responses": { "Problem": problem() },
        },
    })
}

fn operation(route: &Route) -> Json {
    let (status, schema) = route.gives;
    let mut success = json!({ "description": "Done." });
    if let Some(schema) = schema {
        success["content"] = json!({ "application/json": { "schema": reference(schema) } });
    } else if status == 200 {
        success["content"] = json!({ "application/json": { "schema": { "type": "object" } } });
    }
    let mut responses = json!({ "default": { "$ref": "#/components/responses/Problem" } });
    responses[status.to_string()] = success;
    let mut operation = json!({
        "operationId": route.operation.name(),
        "summary": route.about,
        "parameters": parameters(route),
        "responses": responses,
    });
    if let Some(schema) = route.takes {
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": reference(schema) } },
        });
    }
    match route.scope {
        Some(scope) => operation["x-scope"] = scope.name().into(),
        None => operation["security"] = json!([]),
    }
    operation
}

fn parameters(route: &Route) -> Vec<Json> {
    let in_path = route.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        )
    });
    let in_query = route.query.iter().map(|name| {
        let schema = match *name {
            "limit" => json!({ "type": "integer", "minimum": 1, "maximum": PAGE_MAX }),
            _ => json!({ "type": "string" }),
        };
        json!({ "name": name, "in": "query", "schema": schema })
    });
    let header =
        |name: &str| json!({ "name": name, "in": "header", "schema": { "type": "string" } });
    let headers = match route.method {
        Method::Post => vec![header("Idempotency-Key")],
        Method::Get => vec![header("If-None-Match")],
        Method::Patch | Method::Put | Method::Delete => vec![header("If-Match")],
    };
    in_path.chain(in_query).chain(headers).collect()
}

fn reference(schema: &str) -> Json {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

fn problem() -> Json {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.text()).collect();
    json!({
        "description": "It was not done, and nothing has changed.",
        "content": { "application/problem+json": { "schema": {
            "type": "object",
            "required": ["type", "title", "status", "code"],
            "properties": {
                "type": { "type": "string" },
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "code": { "type": "string", "enum": codes },
                "detail": { "type": "string" },
                "field": { "type": "string" },
                "refusal": { "type": "string" },
            },
        } } },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_every_path_and_every_schema_it_names() {
        let document = document();
        for route in ROUTES {
            let method = route.method.name().to_ascii_lowercase();
            let named = &document["paths"][route.path][method]["operationId"];
            assert_eq!(*named, route.operation.name());
        }
        let schemas = document["components"]["schemas"].as_object().expect("schemas are JSON");
        let text = document.to_string();
        for piece in text.split("#/components/schemas/").skip(1) {
            let name = piece.split('"').next().expect("a name");
            assert!(schemas.contains_key(name), "no schema {name}");
        }
        for name in schemas.keys() {
            assert!(text.contains(&format!("#/components/schemas/{name}\"")), "{name} is not used");
        }
    }
}
