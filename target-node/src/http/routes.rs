//! What each route does.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Query, Request, State};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::body::Bodies;
use super::counters::RequestCounters;
use super::events::{self, EventsError, EventsQuery};
use super::operator::{Command, DigestQuery};
use super::request::{Asked, BadRequest, Operation};
use super::table::{Method, ROUTES, Route, Task};
use super::{config, field, metrics, openapi, outcome, server, status, table};
use crate::core::{NodeId, OperatorRequest};
use crate::driver::{NodeHandle, NodeStopped, Report};

/// A body above this is parsed on another thread: the node's own thread has heartbeats to send.
const PARSED_AT_ONCE_BYTES: usize = 64 * 1024;

/// What the interface needs to know about the node.
pub(crate) struct Service {
    pub(crate) node: NodeHandle,
    pub(crate) id: NodeId,
    /// How long a request may wait for its answer.
    pub(crate) request_timeout: Duration,
    /// How many connections there may be.
    pub(crate) connections_max: usize,
    /// Where the event log is.
    pub(crate) events: PathBuf,
    /// Changes with every addition to it.
    pub(crate) events_grown: watch::Receiver<u64>,
}

/// What every handler may use.
struct Shared {
    service: Service,
    requests: RequestCounters,
    bodies: Bodies,
    /// The node takes nothing new any more.
    stop: CancellationToken,
}

/// Answers requests until `stop`, then lets the answers that are on their way leave.
pub(crate) async fn serve(listener: TcpListener, service: Service, stop: CancellationToken) {
    let (id, connections_max) = (service.id, service.connections_max);
    let shared =
        Shared { service, requests: RequestCounters::default(), bodies: Bodies::default(), stop: stop.clone() };
    server::serve(listener, router(Arc::new(shared)), id, connections_max, stop).await;
}

fn router(shared: Arc<Shared>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        let handler = move |State(shared): State<Arc<Shared>>, request: Request| async move {
            shared.serve(route, request).await
        };
        let handlers = match route.method {
            Method::Get => get(handler),
            Method::Post => post(handler),
        };
        router = router.route(route.path, handlers);
    }
    router
        .fallback(|State(shared): State<Arc<Shared>>, uri: Uri| async move {
            let message = format!("no route {}; there are {}", uri.path(), table::summary());
            shared.counted("other", Answer::error(outcome::NOT_FOUND, shared.service.id, &message))
        })
        .method_not_allowed_fallback(|State(shared): State<Arc<Shared>>| async move {
            let message = format!("this route takes another method; there are {}", table::summary());
            shared.counted("other", Answer::error(outcome::METHOD_NOT_ALLOWED, shared.service.id, &message))
        })
        .with_state(shared)
}

impl Shared {
    async fn serve(&self, route: &Route, request: Request) -> Response {
        let answer = match route.task {
            Task::Client(operation) => self.client(operation, request.into_body()).await,
            Task::Operator(command) => self.operator(command, request.into_body()).await,
            Task::Digest => match self.query::<DigestQuery>(request.uri(), DigestQuery::FIELDS) {
                Ok(query) => self.operate(query.request()).await,
                Err(answer) => answer,
            },
            Task::Status => self.report(|report| Answer::json(&status::body(report))).await,
            Task::Config => self.report(|report| Answer::json(&config::body(&report.status))).await,
            Task::OpenApi => Answer::json(&openapi::document()),
            Task::Metrics => match self.service.node.report().await {
                Ok(report) => {
                    let text = metrics::text(&report, &self.requests);
                    return ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response();
                }
                Err(stopped) => self.stopped(stopped),
            },
            Task::Events => match self.events(request.uri()).await {
                Ok(body) => return ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response(),
                Err(answer) => answer,
            },
        };
        self.counted(route.path, answer).into_response()
    }

    /// Answers one request of a client.
    async fn client(&self, operation: Operation, body: Body) -> Answer {
        let id = self.service.id;
        let body = match self.bodies.read(body).await {
            Ok(body) => body,
            Err(error) => return Answer::from_body_error(id, error),
        };
        if self.stop.is_cancelled() {
            return Answer::stopping(id);
        }
        let parsed = if body.bytes.len() <= PARSED_AT_ONCE_BYTES {
            operation.parse(&body.bytes)
        } else {
            let parsed = tokio::task::spawn_blocking(move || operation.parse(&body.bytes)).await;
            parsed.unwrap_or_else(|error| Err(BadRequest::unreadable(&error)))
        };
        match parsed {
            Ok(asked) => self.ask(operation, asked).await,
            Err(error) => Answer::from_bad_request(id, &error),
        }
    }

    /// Asks the node, for as long as a request may wait.
    async fn ask(&self, operation: Operation, asked: Asked) -> Answer {
        let Service { node, id, request_timeout, .. } = &self.service;
        if let Err(overloaded) = node.await_turn(*request_timeout).await {
            return Answer::error(outcome::OVERLOADED, *id, &overloaded.to_string());
        }
        match tokio::time::timeout(*request_timeout, node.client(asked.body)).await {
            Ok(Ok(response)) if operation == Operation::Transaction => Answer::to_transaction(*id, response),
            Ok(Ok(response)) => Answer::to_client(*id, response, asked.value.as_ref()),
            Ok(Err(stopped)) => self.stopped(stopped),
            Err(_) => Answer::timeout(*id, request_timeout.as_millis()),
        }
    }

    /// Answers one request of an operator.
    async fn operator(&self, command: Command, body: Body) -> Answer {
        let id = self.service.id;
        let body = match self.bodies.read(body).await {
            Ok(body) => body,
            Err(error) => return Answer::from_body_error(id, error),
        };
        let answer = match command.parse(&body.bytes) {
            Ok(request) => self.operate(request).await,
            Err(problem) => return Answer::bad_request(id, &problem),
        };
        if command == Command::Promote && answer.outcome == outcome::OK {
            return self.report(|report| Answer::json(&status::body(report))).await;
        }
        answer
    }

    async fn operate(&self, request: OperatorRequest) -> Answer {
        let Service { node, id, request_timeout, .. } = &self.service;
        match tokio::time::timeout(*request_timeout, node.operate(request)).await {
            Ok(Ok(response)) => Answer::to_operator(*id, response),
            Ok(Err(stopped)) => self.stopped(stopped),
            Err(_) => Answer::timeout(*id, request_timeout.as_millis()),
        }
    }

    async fn report(&self, answer: impl FnOnce(&Report) -> Answer) -> Answer {
        match self.service.node.report().await {
            Ok(report) => answer(&report),
            Err(stopped) => self.stopped(stopped),
        }
    }

    async fn events(&self, uri: &Uri) -> Result<Body, Answer> {
        let Service { id, events, events_grown, .. } = &self.service;
        let query = self.query::<EventsQuery>(uri, EventsQuery::FIELDS)?;
        events::body(events, query, events_grown.clone()).await.map_err(|error| match error {
            EventsError::Io(_) => Answer::error(outcome::UNKNOWN, *id, &error.to_string()),
            EventsError::Beyond { .. } | EventsError::WithinLine(_) => Answer::bad_request(*id, &error.to_string()),
        })
    }

    fn query<T: DeserializeOwned>(&self, uri: &Uri, fields: &[field::Field]) -> Result<T, Answer> {
        Query::try_from_uri(uri).map(|Query(query)| query).map_err(|error| {
            let message = format!("{}; expected as query {}", error.body_text(), field::expected(fields));
            Answer::bad_request(self.service.id, &message)
        })
    }

    fn stopped(&self, stopped: NodeStopped) -> Answer {
        Answer::error(outcome::UNKNOWN, self.service.id, &stopped.to_string())
    }

    fn counted(&self, route: &'static str, answer: Answer) -> Answer {
        self.requests.add(route, answer.outcome.name);
        answer
    }
}
