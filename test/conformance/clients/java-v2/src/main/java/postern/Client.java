package postern;

import com.google.gson.Gson;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.core.SdkGlobalTime;
import software.amazon.awssdk.core.interceptor.Context;
import software.amazon.awssdk.core.interceptor.ExecutionAttributes;
import software.amazon.awssdk.core.interceptor.ExecutionInterceptor;
import software.amazon.awssdk.core.util.VersionInfo;
import software.amazon.awssdk.http.SdkHttpClient;
import software.amazon.awssdk.http.apache5.Apache5HttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.lambda.LambdaAsyncClient;
import software.amazon.awssdk.services.lambda.LambdaBaseClientBuilder;
import software.amazon.awssdk.services.lambda.LambdaClient;
import software.amazon.awssdk.services.lambda.model.InvokeRequest;
import software.amazon.awssdk.services.lambda.model.InvokeResponse;
import software.amazon.awssdk.services.lambda.model.InvokeWithResponseStreamRequest;
import software.amazon.awssdk.services.lambda.model.InvokeWithResponseStreamResponseHandler;
import software.amazon.awssdk.services.lambda.model.InvokeWithResponseStreamResponseHandler.Visitor;

/** Runs conformance cases with the AWS SDK for Java v2; test/conformance/README.md says what is read and written. */
public final class Client {
  private static final int MAX_INLINE_BYTES = 1_000_000;
  private static final int ONE_HOUR_SECONDS = 3600;
  private static final Gson GSON = new Gson();
  private static String httpClientName = "";

  private Client() {}

  /** A case, as src/cli/conformance/case.ts says. */
  private record Case(
      String id,
      String operation,
      String function,
      String qualifier,
      String invocationType,
      String logType,
      String clientContext,
      String tenantId,
      String payload,
      Integer payloadBytes,
      String credentials,
      String retries,
      String endpoint) {

    /** What it sends; null for nothing. */
    SdkBytes bytes() {
      if (payloadBytes != null) return SdkBytes.fromUtf8String('"' + "x".repeat(payloadBytes - 2) + '"');
      return payload == null ? null : SdkBytes.fromUtf8String(payload);
    }

    AwsBasicCredentials keyPair() {
      String keyId = System.getenv("AWS_ACCESS_KEY_ID");
      return switch (credentials == null ? "" : credentials) {
        case "wrong-secret" -> AwsBasicCredentials.create(keyId, "wrong");
        case "unknown-key" ->
            AwsBasicCredentials.create("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        case "other-tenant" ->
            AwsBasicCredentials.create(System.getenv("OTHER_ACCESS_KEY_ID"), System.getenv("OTHER_SECRET_ACCESS_KEY"));
        default -> AwsBasicCredentials.create(keyId, System.getenv("AWS_SECRET_ACCESS_KEY"));
      };
    }

    /** A client for this case, which counts the attempts that it makes. */
    <B extends LambdaBaseClientBuilder<B, C>, C> C build(B builder, AtomicInteger attempts) {
      boolean throttled = "throttle".equals(endpoint);
      return builder
          .endpointOverride(URI.create(System.getenv(throttled ? "POSTERN_THROTTLE_ENDPOINT" : "POSTERN_ENDPOINT")))
          .region(Region.of(System.getenv("AWS_REGION")))
          .credentialsProvider(StaticCredentialsProvider.create(keyPair()))
          .overrideConfiguration(
              override -> {
                override.addExecutionInterceptor(new CountAttempts(attempts));
                if (!"default".equals(retries)) override.retryStrategy(AwsRetryStrategy.doNotRetry());
              })
          .build();
    }
  }

  private record CountAttempts(AtomicInteger attempts) implements ExecutionInterceptor {
    @Override
    public void beforeTransmission(Context.BeforeTransmission context, ExecutionAttributes attributes) {
      attempts.incrementAndGet();
    }
  }

  /** What comes of a case, told member by member. */
  private static final class Outcome {
    private final Map<String, Object> members = new LinkedHashMap<>();

    /** Sets a member, unless there is nothing to set. */
    Outcome set(String name, Object value) {
      if (value != null && !"".equals(value)) members.put(name, value);
      return this;
    }

    /** Tells of an answer's bytes. */
    Outcome setPayload(SdkBytes answer) {
      byte[] payload = answer == null ? new byte[0] : answer.asByteArrayUnsafe();
      if (payload.length > MAX_INLINE_BYTES) {
        return set("payloadSha256", sha256(payload)).set("payloadBytes", payload.length);
      }
      members.put("payloadBase64", Base64.getEncoder().encodeToString(payload));
      return this;
    }

    Outcome setLog(String logResult) {
      if (logResult == null) return this;
      return set("log", new String(Base64.getDecoder().decode(logResult), StandardCharsets.UTF_8));
    }
  }

  private static Outcome call(Case test, AtomicInteger attempts) {
    return switch (test.operation()) {
      case "Invoke" -> invoke(test, attempts);
      case "InvokeWithResponseStream" -> stream(test, attempts);
      case "InvokeAsync" -> new Outcome().set("unsupported", "the SDK leaves InvokeAsync out");
      case "Presigned" -> new Outcome().set("unsupported", "the SDK has no presigner for Lambda");
      default -> throw new IllegalArgumentException("no operation " + test.operation());
    };
  }

  /** The HTTP client that the run is about. */
  private static SdkHttpClient.Builder<?> httpClient() {
    return switch (httpClientName) {
      case "apache5" -> Apache5HttpClient.builder();
      case "url-connection" -> UrlConnectionHttpClient.builder();
      default -> throw new IllegalArgumentException("no HTTP client " + httpClientName);
    };
  }

  private static Outcome invoke(Case test, AtomicInteger attempts) {
    InvokeRequest request =
        InvokeRequest.builder()
            .functionName(test.function())
            .qualifier(test.qualifier())
            .invocationType(test.invocationType())
            .logType(test.logType())
            .clientContext(test.clientContext())
            .tenantId(test.tenantId())
            .payload(test.bytes())
            .build();
    try (LambdaClient client = test.build(LambdaClient.builder().httpClientBuilder(httpClient()), attempts)) {
      InvokeResponse answer = client.invoke(request);
      return new Outcome()
          .set("status", answer.statusCode())
          .set("executedVersion", answer.executedVersion())
          .set("functionError", answer.functionError())
          .setPayload(answer.payload())
          .setLog(answer.logResult());
    }
  }

  private static Outcome stream(Case test, AtomicInteger attempts) {
    InvokeWithResponseStreamRequest request =
        InvokeWithResponseStreamRequest.builder()
            .functionName(test.function())
            .qualifier(test.qualifier())
            .invocationType(test.invocationType())
            .logType(test.logType())
            .clientContext(test.clientContext())
            .tenantId(test.tenantId())
            .payload(test.bytes())
            .build();
    Outcome outcome = new Outcome();
    ByteArrayOutputStream payload = new ByteArrayOutputStream();
    AtomicInteger chunks = new AtomicInteger();
    AtomicBoolean complete = new AtomicBoolean();
    Visitor visitor =
        Visitor.builder()
            .onPayloadChunk(
                chunk -> {
                  chunks.incrementAndGet();
                  payload.writeBytes(chunk.payload().asByteArrayUnsafe());
                })
            .onInvokeComplete(
                end -> {
                  complete.set(true);
                  outcome.set("functionError", end.errorCode()).setLog(end.logResult());
                })
            .build();
    InvokeWithResponseStreamResponseHandler handler =
        InvokeWithResponseStreamResponseHandler.builder()
            .onResponse(
                head -> outcome.set("status", head.statusCode()).set("executedVersion", head.executedVersion()))
            .subscriber(visitor)
            .build();
    try (LambdaAsyncClient client = test.build(LambdaAsyncClient.builder(), attempts)) {
      client.invokeWithResponseStream(request, handler).join();
    }
    return outcome
        .set("chunks", chunks.get())
        .set("complete", complete.get())
        .setPayload(SdkBytes.fromByteArrayUnsafe(payload.toByteArray()));
  }

  private static Outcome run(Case test) {
    AtomicInteger attempts = new AtomicInteger();
    // A client takes the offset when it is made. One that is wrong by an hour, on a clock that is right, is to the
    // signer and to the part that corrects a wrong clock; the clock itself cannot be set.
    SdkGlobalTime.setGlobalTimeOffset("skewed-clock".equals(test.credentials()) ? ONE_HOUR_SECONDS : 0);
    Outcome outcome;
    try {
      outcome = call(test, attempts);
    } catch (CompletionException error) {
      outcome = new Outcome().set("error", failure(error.getCause()));
    } catch (RuntimeException error) {
      outcome = new Outcome().set("error", failure(error));
    }
    return outcome.set("attempts", attempts.get() > 0 ? attempts.get() : null).set("id", test.id());
  }

  private static Map<String, Object> failure(Throwable error) {
    if (!(error instanceof AwsServiceException answered)) {
      return Map.of("name", error.getClass().getSimpleName(), "message", String.valueOf(error.getMessage()));
    }
    // Without a code, errorCode() is null, and the class is a general one.
    String code = String.valueOf(answered.awsErrorDetails().errorCode());
    return Map.of(
        "name", code,
        "status", answered.statusCode(),
        "message", String.valueOf(answered.awsErrorDetails().errorMessage()),
        "typed", answered.getClass().getSimpleName().equals(code));
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  public static void main(String[] args) throws Exception {
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    httpClientName = args[0];
    String runtime = "Java " + System.getProperty("java.version") + ", " + httpClientName;
    out.println(GSON.toJson(Map.of("sdk", "AWS SDK for Java " + VersionInfo.SDK_VERSION, "runtime", runtime)));
    for (Case test : GSON.fromJson(Files.readString(Path.of(args[args.length - 1])), Case[].class)) {
      out.println(GSON.toJson(run(test).members));
    }
  }
}
