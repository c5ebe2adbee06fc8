package sigv4

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func verifier() *Verifier {
	return &Verifier{Service: "memorydb", Now: func() time.Time { return now }, Keys: map[string]Key{
		"test": {Secret: "secret"}, "temp": {Secret: "s2", SessionToken: "token", Expires: now.Add(time.Hour)}, "old": {Secret: "s3", SessionToken: "t3", Expires: now},
	}}
}

const payload = `{"ClusterName":"a"}`

func hash(body string) string {
	h := sha256.Sum256([]byte(body))
	return hex.EncodeToString(h[:])
}

func request(t *testing.T, target string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(http.MethodPost, target, strings.NewReader(payload))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "AmazonMemoryDB.DescribeClusters")
	r.Header.Set("X-Folded", "  a   b ")
	r.Header.Add("X-Folded", "c")
	return r
}

// arrive is the request as a server's net/http hands it over.
func arrive(t *testing.T, r *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := r.Write(&wire); err != nil {
		t.Fatal(err)
	}
	in, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

type signing struct {
	key, secret, token, service, region string
	at                                  time.Time
}

func header(t *testing.T, s signing) *http.Request {
	t.Helper()
	r := request(t, "http://memory-db.us-east-1.amazonaws.com/")
	err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret, SessionToken: s.token}, r, hash(payload), s.service, s.region, s.at)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func presigned(t *testing.T, s signing, expires string) *http.Request {
	t.Helper()
	r := request(t, "http://127.0.0.1:8480/some%20path/a?x=b+c&x=a&X-Amz-Expires="+expires)
	uri, signed, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: s.key, SecretAccessKey: s.secret, SessionToken: s.token}, r, hash(payload), s.service, s.region, s.at)
	if err != nil {
		t.Fatal(err)
	}
	out := request(t, uri)
	out.Header = signed
	return out
}

var good = signing{key: "test", secret: "secret", service: "memorydb", region: "eu-central-1", at: now}

func with(change func(*signing)) signing {
	s := good
	change(&s)
	return s
}

func TestVerify(t *testing.T) {
	tests := map[string]struct {
		r    *http.Request
		code string // of the fault; empty means that it is accepted
	}{
		"header":                    {header(t, good), ""},
		"presigned":                 {presigned(t, good, "900"), ""},
		"4 minutes late":            {header(t, with(func(s *signing) { s.at = now.Add(-4 * time.Minute) })), ""},
		"4 minutes early":           {header(t, with(func(s *signing) { s.at = now.Add(4 * time.Minute) })), ""},
		"session token":             {header(t, with(func(s *signing) { s.key, s.secret, s.token = "temp", "s2", "token" })), ""},
		"presigned 10 minutes ago":  {presigned(t, with(func(s *signing) { s.at = now.Add(-10 * time.Minute) }), "900"), ""},
		"presigned, session token":  {presigned(t, with(func(s *signing) { s.key, s.secret, s.token = "temp", "s2", "token" }), "900"), ""},
		"6 minutes late":            {header(t, with(func(s *signing) { s.at = now.Add(-6 * time.Minute) })), codeInvalid},
		"6 minutes early":           {header(t, with(func(s *signing) { s.at = now.Add(6 * time.Minute) })), codeInvalid},
		"presigned and expired":     {presigned(t, with(func(s *signing) { s.at = now.Add(-16 * time.Minute) }), "900"), codeInvalid},
		"presigned for too long":    {presigned(t, good, "700000"), codeIncomplete},
		"wrong secret":              {header(t, with(func(s *signing) { s.secret = "other" })), codeInvalid},
		"unknown key":               {header(t, with(func(s *signing) { s.key = "other" })), codeUnknown},
		"wrong session token":       {header(t, with(func(s *signing) { s.key, s.secret, s.token = "temp", "s2", "bad" })), codeUnknown},
		"token of a permanent key":  {header(t, with(func(s *signing) { s.token = "token" })), codeUnknown},
		"expired session":           {header(t, with(func(s *signing) { s.key, s.secret, s.token = "old", "s3", "t3" })), codeExpired},
		"another service":           {header(t, with(func(s *signing) { s.service = "dynamodb" })), codeInvalid},
		"no region":                 {header(t, with(func(s *signing) { s.region = "nowhere" })), codeInvalid},
		"not signed":                {request(t, "http://x/"), codeMissing},
		"bearer token":              {authorized(t, "Bearer abc"), codeIncomplete},
		"another algorithm":         {authorized(t, "AWS4-ECDSA-P256-SHA256 Credential=a/20261123/x/memorydb/aws4_request, SignedHeaders=host, Signature=00"), codeIncomplete},
		"no signature":              {authorized(t, algorithm+" Credential=a/20261123/us-east-1/memorydb/aws4_request, SignedHeaders=host"), codeIncomplete},
		"short credential":          {authorized(t, algorithm+" Credential=a/20261123, SignedHeaders=host, Signature=00"), codeIncomplete},
		"host not signed":           {authorized(t, algorithm+" Credential=test/20261123/us-east-1/memorydb/aws4_request, SignedHeaders=x-amz-date, Signature=00"), codeInvalid},
		"other date in the scope":   {authorized(t, algorithm+" Credential=test/20261122/us-east-1/memorydb/aws4_request, SignedHeaders=host, Signature=00"), codeInvalid},
		"other end of the scope":    {authorized(t, algorithm+" Credential=test/20261123/us-east-1/memorydb/aws5, SignedHeaders=host, Signature=00"), codeInvalid},
		"garbage":                   {authorized(t, algorithm+" ,,,"), codeIncomplete},
		"the same field twice":      {authorized(t, algorithm+" Signature=a, Signature=b"), codeIncomplete},
		"header changed on the way": {tampered(t, func(r *http.Request) { r.Header.Set("X-Amz-Target", "AmazonMemoryDB.DeleteCluster") }), codeInvalid},
		"path changed on the way":   {tampered(t, func(r *http.Request) { r.URL.Path = "/other" }), codeInvalid},
		"query changed on the way":  {tampered(t, func(r *http.Request) { r.URL.RawQuery = "a=b" }), codeInvalid},
		"method changed on the way": {tampered(t, func(r *http.Request) { r.Method = http.MethodPut }), codeInvalid},
		"host changed on the way":   {tampered(t, func(r *http.Request) { r.Host = "other" }), codeInvalid},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			id, err := verifier().Verify(arrive(t, tc.r), []byte(payload))
			var fault smithy.APIError
			switch {
			case tc.code == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case tc.code == "" && id.Region != "eu-central-1":
				t.Errorf("region %q", id.Region)
			case tc.code != "" && (!errors.As(err, &fault) || fault.ErrorCode() != tc.code):
				t.Errorf("%v, want %s", err, tc.code)
			}
		})
	}
	if _, err := verifier().Verify(arrive(t, header(t, good)), []byte(payload+" ")); err == nil {
		t.Error("a changed body is accepted")
	}
}

func authorized(t *testing.T, auth string) *http.Request {
	t.Helper()
	r := request(t, "http://x/")
	r.Header.Set("Authorization", auth)
	r.Header.Set("X-Amz-Date", now.Format(timeForm))
	return r
}

func tampered(t *testing.T, change func(*http.Request)) *http.Request {
	t.Helper()
	r := header(t, good)
	change(r)
	return r
}

// A proxy or client may sign fewer headers than the SDK does, and more, in net/http's own places.
func TestVerifyThroughServer(t *testing.T) {
	v := verifier()
	var got error
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var b bytes.Buffer
		if _, err := b.ReadFrom(r.Body); err != nil {
			t.Error(err)
		}
		_, got = v.Verify(r, b.Bytes())
	}))
	defer srv.Close()
	for _, expires := range []string{"", "60"} {
		r := request(t, srv.URL+"/")
		if expires == "" {
			r.ContentLength = int64(len(payload))
			if err := v4.NewSigner().SignHTTP(t.Context(), aws.Credentials{AccessKeyID: "test", SecretAccessKey: "secret"}, r, hash(payload), "memorydb", "us-east-1", now); err != nil {
				t.Fatal(err)
			}
		} else {
			r.URL.RawQuery = "X-Amz-Expires=" + expires
			uri, signed, err := v4.NewSigner().PresignHTTP(t.Context(), aws.Credentials{AccessKeyID: "test", SecretAccessKey: "secret"}, r, hash(payload), "memorydb", "us-east-1", now)
			if err != nil {
				t.Fatal(err)
			}
			r = request(t, uri)
			r.Header = signed
		}
		resp, err := srv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got != nil {
			t.Errorf("refused: %v", got)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(algorithm+" Credential=test/20261123/us-east-1/memorydb/aws4_request, SignedHeaders=host, Signature=00", "a=b")
	f.Add("", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=a")
	f.Fuzz(func(t *testing.T, auth, query string) {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.URL.RawQuery = query
		r.Header.Set("X-Amz-Date", now.Format(timeForm))
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		if _, err := verifier().Verify(r, nil); err == nil {
			t.Error("accepted without knowing a secret")
		}
	})
}
