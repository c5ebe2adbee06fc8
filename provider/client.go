package provider

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// defaultMaxRetries is how often a request is tried again after the first try: enough for throttling and a restart of the service, few enough that a wrong endpoint is said soon.
const defaultMaxRetries = 4

// settings are what the provider block, or its environment variables, say. Empty means: as the AWS SDK's own chain of environment and files has it.
type settings struct {
	Endpoint, Region            string
	AccessKey, SecretKey, Token string
	Profile                     string
	MaxRetries                  int
	DefaultTags                 map[string]string
	// Version is the provider's version, Terraform that of the program that runs it; both go into the user agent.
	Version, Terraform string
}

// client is what every resource and data source is configured with.
type client struct {
	*memorydb.Client
	// DefaultTags are the tags that every resource gets unless it sets them itself.
	DefaultTags map[string]string
}

// errNoRegion is returned when neither the provider block nor the environment names a region.
var errNoRegion = fmt.Errorf("no region: set region in the provider block or the environment variable AWS_REGION")

// newClient makes the API's client.
func newClient(ctx context.Context, s settings) (*client, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = s.MaxRetries + 1 })
		}),
	}
	if s.Region != "" {
		options = append(options, config.WithRegion(s.Region))
	}
	if s.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(s.Profile))
	}
	if s.AccessKey != "" {
		options = append(options, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, s.Token)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("load the AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errNoRegion
	}
	api := memorydb.NewFromConfig(cfg, func(o *memorydb.Options) {
		if s.Endpoint != "" {
			o.BaseEndpoint = aws.String(s.Endpoint)
		}
		o.HTTPClient = httpClient{o.HTTPClient} // which honours AWS_CA_BUNDLE and proxies already
		o.APIOptions = append(o.APIOptions,
			middleware.AddUserAgentKeyValue("terraform-provider-memorydb", s.Version),
			middleware.AddUserAgentKeyValue("terraform", s.Terraform))
	})
	return &client{Client: api, DefaultTags: s.DefaultTags}, nil
}

// httpClient sends the SDK's requests.
//
// It hides the WriteTo method of request bodies. The SDK closes a body as soon as the answer's headers are in, while net/http may still be asking it for a surplus; the body's WriteTo then answers with
// an error, which net/http takes for a failed write: it closes the connection under the reader, the SDK tries again, and the operation is executed twice. A Read after Close answers io.EOF, which is
// harmless. See aws/aws-sdk-go-v2 issues 1825 and 2737.
type httpClient struct{ next memorydb.HTTPClient }

// Do sends one request and logs it, without its content.
func (c httpClient) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	begun := time.Now()
	resp, err := c.next.Do(r)
	facts := map[string]any{"op": r.Header.Get("X-Amz-Target"), "addr": r.URL.Host, "took": time.Since(begun).String()}
	if err != nil {
		facts["err"] = err.Error()
	} else {
		facts["status"], facts["request_id"] = resp.StatusCode, resp.Header.Get("X-Amzn-Requestid")
	}
	tflog.Debug(r.Context(), "request sent", facts)
	return resp, err
}
