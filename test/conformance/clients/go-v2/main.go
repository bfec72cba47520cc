// Runs conformance cases with the AWS SDK for Go v2; test/conformance/README.md says what is read and written.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
	_ "unsafe" // For go:linkname.

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

const maxInlineBytes = 1_000_000

// sdkNow is the clock of the whole SDK, both of its signer and of the part that corrects a wrong clock. No option sets it, and a
// signer with a clock of its own would keep the second from seeing that the first is wrong.
//
//go:linkname sdkNow github.com/aws/aws-sdk-go-v2/internal/sdk.NowTime
var sdkNow func() time.Time

// testCase is a case as src/cli/conformance/case.ts says.
type testCase struct {
	ID             string  `json:"id"`
	Operation      string  `json:"operation"`
	Function       string  `json:"function"`
	Qualifier      *string `json:"qualifier"`
	InvocationType string  `json:"invocationType"`
	LogType        string  `json:"logType"`
	ClientContext  *string `json:"clientContext"`
	TenantID       *string `json:"tenantId"`
	Payload        *string `json:"payload"`
	PayloadBytes   int     `json:"payloadBytes"`
	Credentials    string  `json:"credentials"`
	Retries        string  `json:"retries"`
	Endpoint       string  `json:"endpoint"`
}

// outcome is what comes of a case, told member by member.
type outcome map[string]any

// payload is what a case sends; nil for none.
func (c testCase) payload() []byte {
	if c.PayloadBytes > 0 {
		return []byte(`"` + strings.Repeat("x", c.PayloadBytes-2) + `"`)
	}
	if c.Payload != nil {
		return []byte(*c.Payload)
	}
	return nil
}

func (c testCase) keyPair() (string, string) {
	keyID, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	switch c.Credentials {
	case "wrong-secret":
		return keyID, "wrong"
	case "unknown-key":
		return "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	case "other-tenant":
		return os.Getenv("OTHER_ACCESS_KEY_ID"), os.Getenv("OTHER_SECRET_ACCESS_KEY")
	}
	return keyID, secret
}

// client is a client for one case, which counts the attempts it makes.
func (c testCase) client(attempts *int) *lambda.Client {
	keyID, secret := c.keyPair()
	endpoint := os.Getenv("POSTERN_ENDPOINT")
	if c.Endpoint == "throttle" {
		endpoint = os.Getenv("POSTERN_THROTTLE_ENDPOINT")
	}
	options := lambda.Options{
		Region:       os.Getenv("AWS_REGION"),
		BaseEndpoint: aws.String(endpoint),
		Credentials:  credentials.NewStaticCredentialsProvider(keyID, secret, ""),
		APIOptions:   []func(*middleware.Stack) error{countAttempts(attempts)},
	}
	if c.Retries != "default" {
		options.Retryer = aws.NopRetryer{}
	}
	return lambda.New(options)
}

func countAttempts(attempts *int) func(*middleware.Stack) error {
	counter := middleware.FinalizeMiddlewareFunc("CountAttempts", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		*attempts++
		return next.HandleFinalize(ctx, in)
	})
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(counter, "Retry", middleware.After)
	}
}

func (c testCase) call(ctx context.Context, client *lambda.Client) (outcome, error) {
	switch c.Operation {
	case "Invoke":
		return c.invoke(ctx, client)
	case "InvokeWithResponseStream":
		return c.stream(ctx, client)
	case "InvokeAsync":
		return c.invokeAsync(ctx, client)
	case "Presigned":
		return outcome{"unsupported": "the package lambda has no presign client"}, nil
	}
	return nil, fmt.Errorf("no operation %s", c.Operation)
}

func (c testCase) invoke(ctx context.Context, client *lambda.Client) (outcome, error) {
	answer, err := client.Invoke(ctx, &lambda.InvokeInput{
		FunctionName:   &c.Function,
		Qualifier:      c.Qualifier,
		InvocationType: types.InvocationType(c.InvocationType),
		LogType:        types.LogType(c.LogType),
		ClientContext:  c.ClientContext,
		TenantId:       c.TenantID,
		Payload:        c.payload(),
	})
	if err != nil {
		return nil, err
	}
	came := outcome{"status": answer.StatusCode}
	came.set("executedVersion", answer.ExecutedVersion)
	came.set("functionError", answer.FunctionError)
	came.setPayload(answer.Payload)
	return came, came.setLog(answer.LogResult)
}

func (c testCase) stream(ctx context.Context, client *lambda.Client) (outcome, error) {
	answer, err := client.InvokeWithResponseStream(ctx, &lambda.InvokeWithResponseStreamInput{
		FunctionName:   &c.Function,
		Qualifier:      c.Qualifier,
		InvocationType: types.ResponseStreamingInvocationType(c.InvocationType),
		LogType:        types.LogType(c.LogType),
		ClientContext:  c.ClientContext,
		TenantId:       c.TenantID,
		Payload:        c.payload(),
	})
	if err != nil {
		return nil, err
	}
	events := answer.GetStream()
	defer events.Close()
	var payload []byte
	var end types.InvokeWithResponseStreamCompleteEvent
	chunks, complete := 0, false
	for event := range events.Events() {
		switch event := event.(type) {
		case *types.InvokeWithResponseStreamResponseEventMemberPayloadChunk:
			chunks++
			payload = append(payload, event.Value.Payload...)
		case *types.InvokeWithResponseStreamResponseEventMemberInvokeComplete:
			complete, end = true, event.Value
		}
	}
	if err := events.Err(); err != nil {
		return nil, err
	}
	came := outcome{"status": answer.StatusCode, "chunks": chunks, "complete": complete}
	came.set("executedVersion", answer.ExecutedVersion)
	came.set("functionError", end.ErrorCode)
	came.setPayload(payload)
	return came, came.setLog(end.LogResult)
}

func (c testCase) invokeAsync(ctx context.Context, client *lambda.Client) (outcome, error) {
	//lint:ignore SA1019 What is tried is the deprecated operation.
	answer, err := client.InvokeAsync(ctx, &lambda.InvokeAsyncInput{
		FunctionName: &c.Function,
		InvokeArgs:   bytes.NewReader(c.payload()),
	})
	if err != nil {
		return nil, err
	}
	return outcome{"status": answer.Status}, nil
}

// set sets a member, unless there is nothing to set.
func (o outcome) set(name string, value *string) {
	if value != nil && *value != "" {
		o[name] = *value
	}
}

// setPayload tells of an answer's bytes.
func (o outcome) setPayload(payload []byte) {
	if len(payload) <= maxInlineBytes {
		o["payloadBase64"] = base64.StdEncoding.EncodeToString(payload)
		return
	}
	digest := sha256.Sum256(payload)
	o["payloadSha256"], o["payloadBytes"] = hex.EncodeToString(digest[:]), len(payload)
}

func (o outcome) setLog(logResult *string) error {
	if logResult == nil || *logResult == "" {
		return nil
	}
	log, err := base64.StdEncoding.DecodeString(*logResult)
	o["log"] = string(log)
	return err
}

// failure is how an outcome tells of an error.
func failure(err error) outcome {
	var answered smithy.APIError
	if !errors.As(err, &answered) {
		return outcome{"name": fmt.Sprintf("%T", rootOf(err)), "message": err.Error()}
	}
	told := outcome{
		"name":    answered.ErrorCode(),
		"message": answered.ErrorMessage(),
		"typed":   isModelled(answered),
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		told["status"] = response.HTTPStatusCode()
	}
	return told
}

// isModelled says whether an error is of the package types, as the type that errors.As would be asked for by name.
func isModelled(err smithy.APIError) bool {
	kind := reflect.TypeOf(err).Elem()
	return kind.PkgPath() == reflect.TypeFor[types.ServiceException]().PkgPath() && kind.Name() == err.ErrorCode()
}

func rootOf(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func run(c testCase) outcome {
	sdkNow = time.Now
	if c.Credentials == "skewed-clock" {
		sdkNow = func() time.Time { return time.Now().Add(-time.Hour) }
	}
	attempts := 0
	came, err := c.call(context.Background(), c.client(&attempts))
	if err != nil {
		came = outcome{"error": failure(err)}
	}
	if attempts > 0 {
		came["attempts"] = attempts
	}
	came["id"] = c.ID
	return came
}

func sdkVersion() string {
	built, _ := debug.ReadBuildInfo()
	for _, module := range built.Deps {
		if strings.HasSuffix(module.Path, "/service/lambda") {
			return module.Version
		}
	}
	return "unknown"
}

func runAll(casesFile string) error {
	text, err := os.ReadFile(casesFile)
	if err != nil {
		return err
	}
	var cases []testCase
	if err := json.Unmarshal(text, &cases); err != nil {
		return err
	}
	lines := json.NewEncoder(os.Stdout)
	about := outcome{"sdk": "aws-sdk-go-v2 service/lambda " + sdkVersion(), "runtime": runtime.Version()}
	if err := lines.Encode(about); err != nil {
		return err
	}
	for _, c := range cases {
		if err := lines.Encode(run(c)); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := runAll(os.Args[len(os.Args)-1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
