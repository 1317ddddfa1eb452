//! What is answered.

use std::time::Duration;

use http_body_util::Full;
use hyper::{
    StatusCode,
    body::Bytes,
    header::{
        ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue,
        RETRY_AFTER, X_CONTENT_TYPE_OPTIONS,
    },
};

/// An answer, sent as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    status: Status,
    content_type: &'static str,
    body: Vec<u8>,
    allow: Option<&'static str>,
    retry_after: Option<u64>,
    fields: Vec<(HeaderName, HeaderValue)>,
}

/// How it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// 200
    Ok,
    /// 201: there is something new.
    Created,
    /// 202: it will be done.
    Accepted,
    /// 303: look there, with GET.
    SeeOther,
    /// 400: the request makes no sense.
    BadRequest,
    /// 401: who asks?
    Unauthorized,
    /// 403: not for this client.
    Forbidden,
    /// 404: there is no such thing.
    NotFound,
    /// 405: not with this method.
    MethodNotAllowed,
    /// 408: the request came too slowly.
    RequestTimeout,
    /// 409: not as things are.
    Conflict,
    /// 413: the body is too large.
    ContentTooLarge,
    /// 415: not in this form.
    UnsupportedMediaType,
    /// 422: well-formed, and still without sense.
    UnprocessableContent,
    /// 429: too often.
    TooManyRequests,
    /// 500: we are at fault.
    InternalServerError,
    /// 503: not now, or not in time.
    ServiceUnavailable,
}

/// What becomes of the connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Afterwards {
    /// The next request may come.
    Continue,
    /// What comes next may be the rest of the last request.
    Close,
}

/// How much of an answer is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Contents {
    /// All of it; hyper leaves out the body of an answer to HEAD in HTTP/1.1.
    Whole,
    /// All but the body.
    HeadOnly,
}

impl Response {
    /// An answer with a body of this type.
    pub fn new(status: Status, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            content_type,
            body: body.into(),
            allow: None,
            retry_after: None,
            fields: Vec::new(),
        }
    }

    /// Plain text.
    pub fn text(status: Status, text: impl Into<String>) -> Self {
        Self::new(status, "text/plain; charset=utf-8", text.into())
    }

    /// JSON that is already written.
    pub fn json(status: Status, json: impl Into<Vec<u8>>) -> Self {
        Self::new(status, "application/json", json)
    }

    /// There is no such thing.
    pub fn not_found() -> Self {
        Self::text(Status::NotFound, "not found\n")
    }

    /// Not with this method, but with these, as in `GET, HEAD`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let refusal = Self::text(Status::MethodNotAllowed, "this method is not allowed here\n");
        Self { allow: Some(allow), ..refusal }
    }

    /// The same, with the wish that the client does not come again before so much time is over; whole
    /// seconds, rounded up.
    #[must_use]
    pub fn retry_after(self, time: Duration) -> Self {
        let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
        Self { retry_after: Some(seconds), ..self }
    }

    /// The same with a field more in its head, in place of what it would have under this name, which
    /// is given in lower case. A value with characters that no field may have is left out.
    #[must_use]
    pub fn field(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.fields.push((HeaderName::from_static(name), value)),
            Err(error) => tracing::warn!(name, %error, "a field of an answer was left out"),
        }
        self
    }

    /// How it went.
    pub fn status(&self) -> Status {
        self.status
    }

    /// What is sent.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The value of a field that was added, whose name is given in lower case.
    pub fn field_value(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().rev().find(|(given, _)| given.as_str() == name);
        found.and_then(|(_, value)| value.to_str().ok())
    }

    pub(super) fn into_hyper(
        self,
        afterwards: Afterwards,
        contents: Contents,
    ) -> hyper::Response<Full<Bytes>> {
        let length = self.body.len();
        let body = match contents {
            Contents::Whole => Bytes::from(self.body),
            Contents::HeadOnly => Bytes::new(),
        };
        let mut response = hyper::Response::new(Full::new(body));
        *response.status_mut() = self.status.into();
        let fields = response.headers_mut();
        // The length of the body that HEAD is not sent is told all the same.
        fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if let Some(allow) = self.allow {
            fields.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if let Some(seconds) = self.retry_after {
            fields.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        for (name, value) in self.fields {
            fields.insert(name, value);
        }
        if afterwards == Afterwards::Close {
            fields.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl From<Status> for StatusCode {
    fn from(status: Status) -> Self {
        match status {
            Status::Ok => Self::OK,
            Status::Created => Self::CREATED,
            Status::Accepted => Self::ACCEPTED,
            Status::SeeOther => Self::SEE_OTHER,
            Status::BadRequest => Self::BAD_REQUEST,
            Status::Unauthorized => Self::UNAUTHORIZED,
            Status::Forbidden => Self::FORBIDDEN,
            Status::NotFound => Self::NOT_FOUND,
            Status::MethodNotAllowed => Self::METHOD_NOT_ALLOWED,
            Status::RequestTimeout => Self::REQUEST_TIMEOUT,
            Status::Conflict => Self::CONFLICT,
            Status::ContentTooLarge => Self::PAYLOAD_TOO_LARGE,
            Status::UnsupportedMediaType => Self::UNSUPPORTED_MEDIA_TYPE,
            Status::UnprocessableContent => Self::UNPROCESSABLE_ENTITY,
            Status::TooManyRequests => Self::TOO_MANY_REQUESTS,
            Status::InternalServerError => Self::INTERNAL_SERVER_ERROR,
            Status::ServiceUnavailable => Self::SERVICE_UNAVAILABLE,
        }
    }
}
