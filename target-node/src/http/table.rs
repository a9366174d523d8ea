//! The table of routes: the router, the description for machines and the refusal of an unknown path are made from it.

use super::events::EventsQuery;
use super::field::{Field, Kind};
use super::operator::{Command, DigestQuery};
use super::outcome::{self, Outcome};
use super::request::Operation;

/// The method of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    Client(Operation),
    Operator(Command),
    Digest,
    Status,
    Metrics,
    Config,
    Events,
    OpenApi,
}

/// What an answer of 200 is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// One JSON object with these members.
    Json(&'static [Field]),
    /// One JSON object whose members are described elsewhere.
    Free,
    /// JSON objects, one a line.
    Lines,
    /// Prometheus' text format.
    Text,
}

/// One route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) task: Task,
    /// What it does, in one line.
    pub(super) summary: &'static str,
}

const fn post(path: &'static str, task: Task, summary: &'static str) -> Route {
    Route { method: Method::Post, path, task, summary }
}

const fn get(path: &'static str, task: Task, summary: &'static str) -> Route {
    Route { method: Method::Get, path, task, summary }
}

/// Every route.
pub(super) const ROUTES: &[Route] = &[
    post("/v1/read", Task::Client(Operation::Read), "The object under a key: null where there is none"),
    post("/v1/scan", Task::Client(Operation::Scan), "Keys with a common prefix and their objects, by key"),
    post("/v1/write", Task::Client(Operation::Write), "Set a register"),
    post("/v1/cas", Task::Client(Operation::Cas), "Set a register if it has the expected value"),
    post("/v1/delete", Task::Client(Operation::Delete), "Remove whatever is under a key"),
    post("/v1/add", Task::Client(Operation::Add), "Put an element into a set"),
    post("/v1/append", Task::Client(Operation::Append), "Put an element at the end of a list"),
    post("/v1/increment", Task::Client(Operation::Increment), "Add to a counter; the answer is its value then"),
    post("/v1/take", Task::Client(Operation::Take), "Remove the first element of a list; the answer is the element"),
    post("/v1/transaction", Task::Client(Operation::Transaction), "Several steps that happen together or not at all"),
    post("/admin/promote", Task::Operator(Command::Promote), "Make this node the leader (failover=manual)"),
    post("/admin/transfer", Task::Operator(Command::Transfer), "Hand the leadership over (failover=consensus)"),
    post(
        "/admin/members/add",
        Task::Operator(Command::AddMember),
        "Add a node: it copies the log first and votes once it has caught up (failover=consensus)",
    ),
    post("/admin/members/remove", Task::Operator(Command::RemoveMember), "Remove a node (failover=consensus)"),
    post("/admin/snapshot", Task::Operator(Command::Snapshot), "Take a snapshot now and compact the log"),
    get("/admin/digest", Task::Digest, "A digest of this node's state: equal states have equal digests"),
    get("/status", Task::Status, "The node's account of itself"),
    get("/metrics", Task::Metrics, "Totals and gauges in Prometheus' text format"),
    get("/config", Task::Config, "Every setting with its value, default and meaning, and the members of the cluster"),
    get("/events", Task::Events, "What the node's protocol did, one JSON object a line, as it happens"),
    get("/openapi.json", Task::OpenApi, "This interface, for machines"),
];

const NODE: Field = Field::required("node", Kind::Node, "Who answers", "\"n1\"");
const TERM: Field = Field::required("term", Kind::Count, "The term in which it was decided", "3");
const POSITION: Field = Field::required("position", Kind::Count, "The position of the log that it is about", "17");
const ACK: Field =
    Field::required("ack", Kind::Setting("replication"), "At which level it is acknowledged", "\"majority\"");
const LEVEL: Field = Field::required("level", Kind::Setting("read"), "At which level it was read", "\"read-index\"");

impl Route {
    /// The members of its body, or of its query where it is read by GET.
    pub(super) fn fields(&self) -> &'static [Field] {
        match self.task {
            Task::Client(operation) => operation.fields(),
            Task::Operator(command) => command.fields(),
            Task::Digest => DigestQuery::FIELDS,
            Task::Events => EventsQuery::FIELDS,
            Task::Status | Task::Metrics | Task::Config | Task::OpenApi => &[],
        }
    }

    /// What it answers if all is well.
    pub(super) fn media(&self) -> Media {
        const VALUE: Field = Field::required("value", Kind::Json, "What was read, written or taken", "\"hello\"");
        const RESULTS: Field = Field::required(
            "results",
            Kind::Array,
            "One of each step: what a read, an increment or a take gives, else null",
            r#"["hello",null]"#,
        );
        const ITEMS: Field =
            Field::required("items", Kind::Items, "Keys and their objects, by key", r#"[["greeting","hello"]]"#);
        const MORE: Field = Field::required("more", Kind::Truth, "Whether there are more such keys", "false");
        const DIGEST: Field =
            Field::required("digest", Kind::Text, "Sixteen hexadecimal digits", "\"00c0ffee00c0ffee\"");
        match self.task {
            Task::Client(Operation::Read) => Media::Json(&[VALUE, NODE, TERM, POSITION, LEVEL]),
            Task::Client(Operation::Scan) => Media::Json(&[ITEMS, MORE, NODE, TERM, POSITION, LEVEL]),
            Task::Client(Operation::Transaction) => Media::Json(&[RESULTS, NODE, TERM, POSITION, ACK]),
            Task::Client(_) => Media::Json(&[VALUE, NODE, TERM, POSITION, ACK]),
            // A promoted node gives its account.
            Task::Operator(Command::Promote) | Task::Status | Task::Config | Task::OpenApi => Media::Free,
            Task::Operator(_) => Media::Json(&[NODE, TERM, POSITION]),
            Task::Digest => Media::Json(&[NODE, POSITION, DIGEST]),
            Task::Metrics => Media::Text,
            Task::Events => Media::Lines,
        }
    }

    /// What else may become of a request.
    pub(super) fn errors(&self) -> Vec<Outcome> {
        use outcome::{
            BAD_REQUEST, BODY_TIMEOUT, NOT_LEADER, OUT_OF_ORDER, OVERLOADED, PRECONDITION_FAILED, REFUSED, TIMEOUT,
            TOO_LARGE, UNKNOWN, WRONG_TYPE,
        };
        let of_bodies = [BAD_REQUEST, BODY_TIMEOUT, TOO_LARGE, OVERLOADED];
        match self.task {
            Task::Client(Operation::Read | Operation::Scan) => {
                [&of_bodies[..], &[NOT_LEADER, UNKNOWN, TIMEOUT]].concat()
            }
            Task::Client(Operation::Cas | Operation::Transaction) => {
                let of_writes = [PRECONDITION_FAILED, OUT_OF_ORDER, NOT_LEADER, WRONG_TYPE, UNKNOWN, TIMEOUT];
                [&of_bodies[..], &of_writes].concat()
            }
            Task::Client(_) => [&of_bodies[..], &[OUT_OF_ORDER, NOT_LEADER, WRONG_TYPE, UNKNOWN, TIMEOUT]].concat(),
            Task::Operator(_) => [&of_bodies[..], &[REFUSED, NOT_LEADER, UNKNOWN, TIMEOUT]].concat(),
            Task::Digest => vec![BAD_REQUEST, REFUSED, UNKNOWN, TIMEOUT],
            Task::Events => vec![BAD_REQUEST, UNKNOWN],
            Task::Status | Task::Metrics | Task::Config => vec![UNKNOWN],
            Task::OpenApi => Vec::new(),
        }
    }
}

/// The routes, for whoever asks for another.
pub(super) fn summary() -> String {
    let paths = |method: Method| {
        let routes = ROUTES.iter().filter(|route| route.method == method);
        routes.map(|route| route.path).collect::<Vec<_>>().join(", ")
    };
    format!("POST {}, and GET {}", paths(Method::Post), paths(Method::Get))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_is_documented() {
        let document = include_str!("../../../docs/node-http.md");
        for route in ROUTES {
            let method = if route.method == Method::Get { "GET" } else { "POST" };
            let named = format!("`{method} {}`", route.path);
            assert!(document.contains(&named), "docs/node-http.md does not name {named}");
        }
    }

    #[test]
    fn paths_differ() {
        for (index, route) in ROUTES.iter().enumerate() {
            assert!(ROUTES[index + 1..].iter().all(|other| other.path != route.path), "{} is there twice", route.path);
        }
    }
}
