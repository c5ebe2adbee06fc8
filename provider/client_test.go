package provider

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/memorydb"
)

// serve starts an HTTP server that answers every request with body.
func serve(t *testing.T, body string, seen func(*http.Request)) clientConfig {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if seen != nil {
			seen(r)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		fmt.Fprint(w, body)
	}))
	t.Cleanup(srv.Close)
	return clientConfig{Endpoint: srv.URL, Region: "us-east-1", AccessKey: "test", SecretKey: "test", Version: "1.2.3", TerraformVersion: "1.11.4"}
}

// The AWS SDK sends an operation twice when a large answer comes quickly (aws/aws-sdk-go-v2 issues 1825 and 2737), unless the provider's transport is between.
func TestLargeAnswersNeedOneAttempt(t *testing.T) {
	var requests atomic.Int64
	body := `{"ParameterGroups":[{"Name":"` + strings.Repeat("x", 20_000) + `"}]}`
	c, err := newClient(t.Context(), serve(t, body, func(*http.Request) { requests.Add(1) }))
	if err != nil {
		t.Fatal(err)
	}
	const calls = 2000
	for i := range calls {
		if _, err := c.DescribeParameterGroups(t.Context(), &memorydb.DescribeParameterGroupsInput{}); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	if n := requests.Load(); n != calls {
		t.Errorf("%d calls sent %d requests", calls, n)
	}
}

func TestUserAgentNamesProviderAndTerraform(t *testing.T) {
	var agent string
	c, err := newClient(t.Context(), serve(t, `{}`, func(r *http.Request) { agent = r.UserAgent() }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.DescribeUsers(t.Context(), &memorydb.DescribeUsersInput{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"terraform-provider-memorydb/1.2.3", "terraform/1.11.4"} {
		if !strings.Contains(agent, want) {
			t.Errorf("user agent %q lacks %q", agent, want)
		}
	}
}

func TestMaxRetriesLimitsAttempts(t *testing.T) {
	for _, retries := range []int{0, 2} {
		t.Run(fmt.Sprint(retries), func(t *testing.T) {
			var requests atomic.Int64
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests.Add(1)
				w.WriteHeader(http.StatusServiceUnavailable)
			}))
			defer srv.Close()
			c, err := newClient(t.Context(), clientConfig{Endpoint: srv.URL, Region: "us-east-1", AccessKey: "a", SecretKey: "b", MaxRetries: retries})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.DescribeUsers(t.Context(), &memorydb.DescribeUsersInput{}); err == nil {
				t.Error("an unavailable service answered")
			}
			if n := requests.Load(); n != int64(retries)+1 {
				t.Errorf("max_retries %d sent %d requests", retries, n)
			}
		})
	}
}

func TestAWSWithoutRegionIsRefused(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", endpointVariable} {
		t.Setenv(name, "")
	}
	none := t.TempDir() + "/none"
	t.Setenv("AWS_CONFIG_FILE", none)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", none)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if _, err := newClient(context.Background(), clientConfig{AccessKey: "a", SecretKey: "b"}); err == nil || !strings.Contains(err.Error(), "no region") {
		t.Errorf("got %v", err)
	}
}
