package provider

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/memorydb"
)

// serve starts an HTTP server that answers every request with body.
func serve(t *testing.T, body string, seen func(*http.Request)) settings {
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
	return settings{Endpoint: srv.URL, Region: "us-east-1", AccessKey: "test", SecretKey: "test", Version: "1.2.3", Terraform: "1.11.4"}
}

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
	for _, retries := range []int{0, 1} {
		var requests int
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.WriteHeader(http.StatusServiceUnavailable)
		}))
		c, err := newClient(t.Context(), settings{Endpoint: srv.URL, Region: "us-east-1", AccessKey: "a", SecretKey: "b", MaxRetries: retries})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.DescribeUsers(t.Context(), &memorydb.DescribeUsersInput{UserName: aws.String("x")}); err == nil {
			t.Error("an unavailable service answered")
		}
		srv.Close()
		if requests != retries+1 {
			t.Errorf("max_retries %d: %d requests", retries, requests)
		}
	}
}

func TestNoRegion(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if _, err := newClient(context.Background(), settings{AccessKey: "a", SecretKey: "b"}); !errors.Is(err, errNoRegion) {
		t.Errorf("got %v", err)
	}
}
