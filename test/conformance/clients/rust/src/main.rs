//! Runs conformance cases with the AWS SDK for Rust; test/conformance/README.md says what is read and written.

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_lambda::config::retry::RetryConfig;
use aws_sdk_lambda::config::{
    BehaviorVersion, Config, ConfigBag, Credentials, Intercept, Region, RuntimeComponents,
};
use aws_sdk_lambda::error::{BoxError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_lambda::primitives::{Blob, ByteStream};
use aws_sdk_lambda::types::InvokeWithResponseStreamResponseEvent as StreamEvent;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

const MAX_INLINE_BYTES: usize = 1_000_000;

/// What comes of a case, told member by member; or an error, told the same way.
type Told = Map<String, Value>;

/// A case, as src/cli/conformance/case.ts says.
struct Case(Value);

impl Case {
    fn text(&self, field: &str) -> Option<&str> {
        self.0[field].as_str()
    }

    fn owned(&self, field: &str) -> Option<String> {
        self.text(field).map(str::to_owned)
    }

    /// What it sends, if anything.
    fn payload(&self) -> Option<Vec<u8>> {
        match self.0["payloadBytes"].as_u64() {
            Some(bytes) => Some(format!("\"{}\"", "x".repeat(bytes as usize - 2)).into_bytes()),
            None => self.text("payload").map(|text| text.as_bytes().to_vec()),
        }
    }

    fn credentials(&self) -> Credentials {
        let (id, secret) = match self.text("credentials") {
            Some("wrong-secret") => (setting("AWS_ACCESS_KEY_ID"), "wrong".to_owned()),
            Some("unknown-key") => (
                "AKIAIOSFODNN7EXAMPLE".to_owned(),
                "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
            ),
            Some("other-tenant") => (
                setting("OTHER_ACCESS_KEY_ID"),
                setting("OTHER_SECRET_ACCESS_KEY"),
            ),
            _ => (
                setting("AWS_ACCESS_KEY_ID"),
                setting("AWS_SECRET_ACCESS_KEY"),
            ),
        };
        Credentials::new(id, secret, None, None, "conformance")
    }

    /// A client for this case, which counts the attempts that it makes.
    fn client(&self, attempts: Arc<AtomicU64>) -> Client {
        let endpoint = match self.text("endpoint") {
            Some("throttle") => "POSTERN_THROTTLE_ENDPOINT",
            _ => "POSTERN_ENDPOINT",
        };
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .endpoint_url(setting(endpoint))
            .region(Region::new(setting("AWS_REGION")))
            .credentials_provider(self.credentials())
            .interceptor(CountAttempts(attempts));
        if self.text("retries") != Some("default") {
            config = config.retry_config(RetryConfig::disabled());
        }
        if self.text("credentials") == Some("skewed-clock") {
            config = config.time_source(OneHourBehind);
        }
        Client::from_conf(config.build())
    }

    async fn call(&self, client: &Client) -> Result<Told, Told> {
        match self.text("operation") {
            Some("Invoke") => self.invoke(client).await,
            Some("InvokeWithResponseStream") => self.stream(client).await,
            Some("InvokeAsync") => self.invoke_async(client).await,
            Some("Presigned") => Ok(told(
                json!({ "unsupported": "the operations of Lambda have no presigned()" }),
            )),
            other => panic!("no operation {other:?}"),
        }
    }

    async fn invoke(&self, client: &Client) -> Result<Told, Told> {
        let answer = client
            .invoke()
            .set_function_name(self.owned("function"))
            .set_qualifier(self.owned("qualifier"))
            .set_invocation_type(self.text("invocationType").map(Into::into))
            .set_log_type(self.text("logType").map(Into::into))
            .set_client_context(self.owned("clientContext"))
            .set_tenant_id(self.owned("tenantId"))
            .set_payload(self.payload().map(Blob::new))
            .send()
            .await
            .map_err(answered)?;
        let mut came = told(json!({ "status": answer.status_code() }));
        set(&mut came, "executedVersion", answer.executed_version());
        set(&mut came, "functionError", answer.function_error());
        set_payload(
            &mut came,
            answer.payload().map(AsRef::as_ref).unwrap_or_default(),
        );
        set_log(&mut came, answer.log_result());
        Ok(came)
    }

    async fn stream(&self, client: &Client) -> Result<Told, Told> {
        let mut answer = client
            .invoke_with_response_stream()
            .set_function_name(self.owned("function"))
            .set_qualifier(self.owned("qualifier"))
            .set_invocation_type(self.text("invocationType").map(Into::into))
            .set_log_type(self.text("logType").map(Into::into))
            .set_client_context(self.owned("clientContext"))
            .set_tenant_id(self.owned("tenantId"))
            .set_payload(self.payload().map(Blob::new))
            .send()
            .await
            .map_err(answered)?;
        let (mut payload, mut chunks, mut end) = (Vec::new(), 0, None);
        while let Some(event) = answer
            .event_stream
            .recv()
            .await
            .map_err(|error| failure(error, None))?
        {
            match event {
                StreamEvent::PayloadChunk(chunk) => {
                    chunks += 1;
                    payload
                        .extend_from_slice(chunk.payload().map(AsRef::as_ref).unwrap_or_default());
                }
                StreamEvent::InvokeComplete(complete) => end = Some(complete),
                _ => {}
            }
        }
        let mut came = told(json!({
            "status": answer.status_code(), "chunks": chunks, "complete": end.is_some()
        }));
        set(&mut came, "executedVersion", answer.executed_version());
        set_payload(&mut came, &payload);
        if let Some(end) = end {
            set(&mut came, "functionError", end.error_code());
            set_log(&mut came, end.log_result());
        }
        Ok(came)
    }

    async fn invoke_async(&self, client: &Client) -> Result<Told, Told> {
        #[expect(deprecated, reason = "what is tried is the deprecated operation")]
        let answer = client
            .invoke_async()
            .set_function_name(self.owned("function"))
            .set_invoke_args(self.payload().map(ByteStream::from))
            .send()
            .await
            .map_err(answered)?;
        Ok(told(json!({ "status": answer.status() })))
    }

    async fn run(&self) -> Told {
        let attempts = Arc::new(AtomicU64::new(0));
        let mut came = match self.call(&self.client(attempts.clone())).await {
            Ok(came) => came,
            Err(error) => told(json!({ "error": error })),
        };
        let made = attempts.load(Ordering::Relaxed);
        if made > 0 {
            came.insert("attempts".into(), made.into());
        }
        came.insert("id".into(), self.0["id"].clone());
        came
    }
}

/// A clock that is one hour behind, of the whole SDK: both of its signer and of the part that corrects a wrong clock.
#[derive(Debug)]
struct OneHourBehind;

impl TimeSource for OneHourBehind {
    fn now(&self) -> SystemTime {
        SystemTime::now() - Duration::from_secs(3600)
    }
}

#[derive(Debug)]
struct CountAttempts(Arc<AtomicU64>);

impl Intercept for CountAttempts {
    fn name(&self) -> &'static str {
        "CountAttempts"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Tells of a call that came to no answer, or to one that is an error.
fn answered<E>(error: SdkError<E, HttpResponse>) -> Told
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    aws_sdk_lambda::Error: From<SdkError<E, HttpResponse>>,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    failure(error, status)
}

fn failure<E, R>(error: SdkError<E, R>, status: Option<u16>) -> Told
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
    aws_sdk_lambda::Error: From<SdkError<E, R>>,
{
    if let Some(service) = error.as_service_error() {
        let name = service.code().unwrap_or("Unhandled").to_owned();
        let message = service.message().unwrap_or_default().to_owned();
        let modelled = aws_sdk_lambda::Error::from(error);
        #[expect(
            deprecated,
            reason = "whether it is one of the rest is the very question"
        )]
        let typed = !matches!(modelled, aws_sdk_lambda::Error::Unhandled(_));
        let mut failed = told(json!({ "name": name, "message": message, "typed": typed }));
        failed.extend(status.map(|status| ("status".to_owned(), status.into())));
        return failed;
    }
    let name = match error {
        SdkError::ConstructionFailure(_) => "ConstructionFailure",
        SdkError::TimeoutError(_) => "TimeoutError",
        SdkError::DispatchFailure(_) => "DispatchFailure",
        SdkError::ResponseError(_) => "ResponseError",
        _ => "SdkError",
    };
    told(json!({ "name": name, "message": DisplayErrorContext(&error).to_string() }))
}

fn told(members: Value) -> Told {
    match members {
        Value::Object(members) => members,
        _ => unreachable!("every caller gives an object"),
    }
}

/// Sets a member, unless there is nothing to set.
fn set(came: &mut Told, name: &str, value: Option<&str>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        came.insert(name.into(), value.into());
    }
}

/// Tells of an answer's bytes.
fn set_payload(came: &mut Told, payload: &[u8]) {
    if payload.len() <= MAX_INLINE_BYTES {
        came.insert(
            "payloadBase64".into(),
            BASE64_STANDARD.encode(payload).into(),
        );
        return;
    }
    let digest = Sha256::digest(payload);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    came.insert("payloadSha256".into(), hex.into());
    came.insert("payloadBytes".into(), payload.len().into());
}

fn set_log(came: &mut Told, log_result: Option<&str>) {
    let log = log_result.map(|log| BASE64_STANDARD.decode(log).expect("a log tail is base64"));
    set(
        came,
        "log",
        log.map(|log| String::from_utf8_lossy(&log).into_owned())
            .as_deref(),
    );
}

fn setting(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let file = env::args().next_back().ok_or("no cases file")?;
    let cases: Vec<Value> = serde_json::from_slice(&std::fs::read(file)?)?;
    let sdk = format!("aws-sdk-lambda {}", aws_sdk_lambda::meta::PKG_VERSION);
    println!(
        "{}",
        json!({ "sdk": sdk, "runtime": env!("RUSTC_VERSION") })
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for case in cases {
        println!("{}", Value::Object(runtime.block_on(Case(case).run())));
    }
    Ok(())
}
