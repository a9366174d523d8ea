//! `GET /openapi.json`: the table of routes as an OpenAPI 3.1 document.

use serde_json::{Map, Value, json};

use super::body::BODY_BYTES_MAX;
use super::field;
use super::outcome::{OUTCOMES, Outcome};
use super::table::{Media, Method, ROUTES, Route};

/// The document.
pub(super) fn document() -> Value {
    let paths: Map<String, Value> = ROUTES.iter().map(|route| (route.path.to_owned(), path(route))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "A node of Schism's reference system",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "A single-leader replicated store of registers, sets, lists and counters. A status below 500 is \
                 definite: it happened if it is 200, and did not otherwise. From 500 on the outcome is open. Bodies are \
                 at most {BODY_BYTES_MAX} bytes."
            ),
        },
        "paths": paths,
        "components": {"schemas": {"Error": error_schema()}},
    })
}

fn path(route: &Route) -> Value {
    let mut operation = json!({
        "operationId": route.path.trim_start_matches('/').replace(['/', '.'], "-"),
        "summary": route.summary,
        "responses": responses(route),
    });
    let fields = route.fields();
    let required = fields.iter().any(|field| field.required);
    match route.method {
        Method::Post => {
            operation["requestBody"] = json!({
                "required": required,
                "content": {"application/json": {"schema": field::schema(fields), "example": field::example(fields)}},
            });
            json!({"post": operation})
        }
        Method::Get => {
            let parameters = fields.iter().map(|field| {
                json!({
                    "name": field.name,
                    "in": "query",
                    "required": field.required,
                    "schema": field.schema(),
                    "example": field.example(),
                })
            });
            operation["parameters"] = parameters.collect();
            json!({"get": operation})
        }
    }
}

fn responses(route: &Route) -> Value {
    let content = match route.media() {
        Media::Json(fields) => {
            json!({"application/json": {"schema": field::schema(fields), "example": field::example(fields)}})
        }
        Media::Free => json!({"application/json": {"schema": {"type": "object"}}}),
        Media::Lines => json!({"application/x-ndjson": {"schema": {"type": "string"}}}),
        Media::Text => json!({"text/plain": {"schema": {"type": "string"}}}),
    };
    let mut responses = Map::from_iter([("200".to_owned(), json!({"description": "It happened", "content": content}))]);
    for outcome in route.errors() {
        let response = responses.entry(outcome.status.as_str()).or_insert_with(error_response);
        describe(response, &outcome);
    }
    responses.into()
}

fn error_response() -> Value {
    json!({"description": "", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}})
}

/// Several outcomes may share a status.
fn describe(response: &mut Value, outcome: &Outcome) {
    let before = response["description"].as_str().unwrap_or_default();
    let separator = if before.is_empty() { "" } else { "; " };
    response["description"] = format!("{before}{separator}`{}`: {}", outcome.name, outcome.summary).into();
}

fn error_schema() -> Value {
    let errors: Vec<&str> = OUTCOMES.iter().map(|outcome| outcome.name).filter(|name| *name != "ok").collect();
    json!({
        "type": "object",
        "required": ["error", "node", "message"],
        "properties": {
            "error": {"type": "string", "enum": errors, "description": "What became of the request"},
            "node": {"type": "string", "description": "Who answers"},
            "message": {"type": "string", "description": "What is wrong, and what to do instead"},
            "leader": {"type": ["string", "null"], "description": "Who leads, as far as is known; of `not-leader`"},
            "term": {"type": "integer", "description": "Where the leader decided: the term"},
            "position": {"type": "integer", "description": "Where the leader decided: the position"},
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_described_with_its_body_answers_and_errors() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["paths"].as_object().unwrap().len(), ROUTES.len());
        for route in ROUTES {
            let method = if route.method == Method::Get { "get" } else { "post" };
            let operation = &document["paths"][route.path][method];
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{}", route.path);
            let described = match route.method {
                Method::Get => operation["parameters"].as_array().unwrap().len(),
                Method::Post => {
                    let body = &operation["requestBody"]["content"]["application/json"];
                    let properties = body["schema"]["properties"].as_object().unwrap();
                    assert_eq!(body["example"].as_object().unwrap().len(), properties.len());
                    properties.len()
                }
            };
            assert_eq!(described, route.fields().len(), "{}", route.path);
            assert!(operation["responses"]["200"]["content"].is_object(), "{}", route.path);
            for outcome in route.errors() {
                let description = operation["responses"][outcome.status.as_str()]["description"].as_str().unwrap();
                assert!(description.contains(outcome.name), "{}: {description}", route.path);
            }
        }
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let document = document();
        let operations =
            document["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
        let mut names: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
