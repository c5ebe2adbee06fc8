package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

const (
	// endpointVariable names the environment variable for the endpoint.
	endpointVariable  = "MEMORYDB_ENDPOINT"
	defaultMaxRetries = 8
	// fallbackRegion is the region of an endpoint of one's own when nothing else says.
	fallbackRegion = "us-east-1"
)

// clientConfig is the provider block.
type clientConfig struct {
	Endpoint, Region, Profile, AccessKey, SecretKey, Token string
	MaxRetries                                             int
	DefaultTags                                            map[string]string
	IgnoreTagKeys, IgnoreTagPrefixes                       []string
	Version, TerraformVersion                              string
}

// client is the provider's only door to the API.
type client struct {
	*memorydb.Client
	tags tagRules
	// pause waits between two looks at something that settles; it returns early with ctx's error.
	pause func(ctx context.Context, d time.Duration) error
}

func newClient(ctx context.Context, cfg clientConfig) (*client, error) {
	if cfg.Endpoint == "" {
		cfg.Endpoint = os.Getenv(endpointVariable)
		if err := checkURL(cfg.Endpoint); cfg.Endpoint != "" && err != nil {
			return nil, fmt.Errorf("environment variable %s: %w", endpointVariable, err)
		}
	}
	var options []func(*config.LoadOptions) error
	if cfg.Region != "" {
		options = append(options, config.WithRegion(cfg.Region))
	}
	if cfg.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(cfg.Profile))
	}
	if cfg.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(cfg.AccessKey, cfg.SecretKey, cfg.Token)))
	}
	loaded, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if loaded.Region == "" {
		if cfg.Endpoint == "" {
			return nil, errors.New("no region: set region in the provider block, or AWS_REGION, or a profile that has one")
		}
		loaded.Region = fallbackRegion
	}
	if _, err := loaded.Credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("no credentials: set access_key and secret_key in the provider block (the emulator's are test and test), or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile that has some: %w", err)
	}
	api := memorydb.NewFromConfig(loaded, func(o *memorydb.Options) {
		if cfg.Endpoint != "" {
			o.BaseEndpoint = aws.String(cfg.Endpoint)
		}
		o.HTTPClient = transport{o.HTTPClient}
		o.Retryer = newRetryer(cfg.MaxRetries)
		o.APIOptions = append(o.APIOptions, awsmiddleware.AddUserAgentKeyValue("terraform-provider-memorydb", cfg.Version))
		if cfg.TerraformVersion != "" {
			o.APIOptions = append(o.APIOptions, awsmiddleware.AddUserAgentKeyValue("terraform", cfg.TerraformVersion))
		}
	})
	return &client{Client: api, tags: tagRules{defaults: cfg.DefaultTags, ignoreKeys: cfg.IgnoreTagKeys, ignorePrefixes: cfg.IgnoreTagPrefixes}, pause: pause}, nil
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%q is not a URL such as http://127.0.0.1:8480", s)
	}
	return nil
}

// newRetryer repeats what was throttled or got no answer. A refused connection is not repeated: nobody listens there, and its user should hear that at once.
func newRetryer(retries int) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = retries + 1
		o.RateLimiter = ratelimit.None
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return jitter(min(100*time.Millisecond<<min(attempt, 10), 20*time.Second)), nil
		})
		refused := retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if errors.Is(err, syscall.ECONNREFUSED) {
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})
		o.Retryables = append([]retry.IsErrorRetryable{refused}, o.Retryables...)
	})
}

// jitter is a random time between half of d and d, so that many calls that failed together don't come back together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// transport hides the SDK's request body behind a plain io.ReadCloser. As soon as an answer's headers are in, the SDK closes the body; net/http, which may still be draining it, then takes the body's
// WriteTo error for a failed write and closes the connection under the reader of the answer. The SDK repeats such a call, so that it is executed twice. Without WriteTo the end of a closed body is an
// ordinary end.
type transport struct{ next memorydb.HTTPClient }

// Do implements memorydb.HTTPClient. It logs the request without its content, and counts the attempts of a call whose context was made by countAttempts.
func (t transport) Do(r *http.Request) (*http.Response, error) {
	if n, ok := r.Context().Value(attemptsKey{}).(*atomic.Int32); ok {
		n.Add(1)
	}
	if r.Body != nil {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	resp, err := t.next.Do(r)
	facts := map[string]any{"op": strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonMemoryDB."), "addr": r.URL.Host}
	if err != nil {
		facts["err"] = err.Error()
	} else {
		facts["status"], facts["request_id"] = resp.StatusCode, resp.Header.Get("X-Amzn-Requestid")
	}
	tflog.Debug(r.Context(), "request sent", facts)
	return resp, err
}

type attemptsKey struct{}

// countAttempts returns a context whose calls are counted, each repetition too.
func countAttempts(ctx context.Context) (context.Context, *atomic.Int32) {
	n := new(atomic.Int32)
	return context.WithValue(ctx, attemptsKey{}, n), n
}

// create makes a resource. The API has no idempotency token: when an answer is lost the SDK repeats the call, and the second attempt finds the name taken by the first. So create first looks whether the
// name is free (find), and believes "already exists" (exists) after a repetition only if it was; otherwise the error stands.
func create(ctx context.Context, find func(ctx context.Context) error, exists func(error) bool, call func(ctx context.Context) error) error {
	switch err := find(ctx); {
	case err == nil:
		return errAlreadyThere
	case !isNotFound(err):
		return err
	}
	counted, attempts := countAttempts(ctx)
	err := call(counted)
	if err != nil && exists(err) && attempts.Load() > 1 {
		return nil
	}
	return err
}

// errAlreadyThere is returned by create when the name was taken before the first call.
var errAlreadyThere = errors.New("a resource of that name exists already, and Terraform doesn't manage it")
