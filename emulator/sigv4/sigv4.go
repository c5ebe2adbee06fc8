// Package sigv4 checks Signature Version 4 of requests, in the Authorization header or in the query (presigned), against configured keys.
//
// It computes the canonical request from whatever headers the client signed. Source: AWS General Reference, "Signature Version 4 signing process".
package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/smithy-go"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	timeForm   = "20060102T150405Z"
	terminator = "aws4_request"
	// DefaultSkew is how far a request's time may be from ours.
	DefaultSkew = 5 * time.Minute
	// maxExpires is the longest validity of a presigned request: seven days.
	maxExpires = 7 * 24 * time.Hour
)

// Key is what is known of an access key.
type Key struct {
	Secret string
	// SessionToken must come with requests of temporary credentials; empty for a permanent key.
	SessionToken string
	// Expires is when temporary credentials end; zero is never.
	Expires time.Time
}

// Verifier checks requests to one service.
type Verifier struct {
	// Service is the name in the credential scope: memorydb.
	Service string
	// Keys are the keys by access key id; nobody changes them while requests are checked.
	Keys map[string]Key
	Now  func() time.Time
	// Skew is how far a request's time may be from Now; 0 is DefaultSkew.
	Skew time.Duration
}

// Identity is what a request has proved.
type Identity struct {
	AccessKey, Region string
	Presigned         bool
}

func fault(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// Codes of the service's faults.
const (
	codeMissing    = "MissingAuthenticationTokenException"
	codeIncomplete = "IncompleteSignatureException"
	codeInvalid    = "InvalidSignatureException"
	codeUnknown    = "UnrecognizedClientException"
	codeExpired    = "ExpiredTokenException"
)

var regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`)

// Verify says who signed r, whose body is body. The error is a fault with AWS's code and words.
func (v *Verifier) Verify(r *http.Request, body []byte) (Identity, error) {
	s, err := read(r)
	if err != nil {
		return Identity{}, err
	}
	if err := v.checkScope(s); err != nil {
		return Identity{}, err
	}
	key, ok := v.Keys[s.accessKey]
	if !ok || !equal(key.SessionToken, s.token) {
		return Identity{}, fault(codeUnknown, "The security token included in the request is invalid.")
	}
	now := v.Now().UTC()
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return Identity{}, fault(codeExpired, "The security token included in the request is expired")
	}
	if !equal(s.sign(key.Secret, r, body), s.signature) {
		return Identity{}, fault(codeInvalid, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	if err := v.checkTime(s, now); err != nil {
		return Identity{}, err
	}
	return Identity{AccessKey: s.accessKey, Region: s.region, Presigned: s.presigned}, nil
}

// equal compares in a time that does not depend on where the texts differ.
func equal(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func (v *Verifier) checkScope(s *signature) error {
	switch {
	case s.service != v.Service:
		return fault(codeInvalid, "Credential should be scoped to correct service: '%s'. ", v.Service)
	case s.end != terminator:
		return fault(codeInvalid, "Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, s.end)
	case s.date != s.time.Format("20060102"):
		return fault(codeInvalid, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.", s.date, s.time.Format("20060102"), s.time.Format(timeForm))
	case !regionForm.MatchString(s.region):
		return fault(codeInvalid, "Credential should be scoped to a valid region. ")
	}
	return nil
}

func (v *Verifier) checkTime(s *signature, now time.Time) error {
	skew := v.Skew
	if skew == 0 {
		skew = DefaultSkew
	}
	at, from := s.time.Format(timeForm), now.Format(timeForm)
	late := s.time.Add(skew)
	if s.presigned {
		late = s.time.Add(s.expires)
	}
	switch {
	case now.After(late):
		return fault(codeInvalid, "Signature expired: %s is now earlier than %s (%s - %d min.)", at, now.Add(s.time.Sub(late)).Format(timeForm), from, int(late.Sub(s.time).Minutes()))
	case s.time.After(now.Add(skew)):
		return fault(codeInvalid, "Signature not yet current: %s is still later than %s (%s + %d min.)", at, now.Add(skew).Format(timeForm), from, int(skew.Minutes()))
	}
	return nil
}

// sign is the signature that the key's owner would have made, in lower-case hex.
func (s *signature) sign(secret string, r *http.Request, body []byte) string {
	hash := sha256.Sum256(body)
	canonical := sha256.Sum256([]byte(s.canonicalRequest(r, hex.EncodeToString(hash[:]))))
	scope := strings.Join([]string{s.date, s.region, s.service, s.end}, "/")
	text := strings.Join([]string{algorithm, s.time.Format(timeForm), scope, hex.EncodeToString(canonical[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{s.date, s.region, s.service, s.end, text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	return hex.EncodeToString(key)
}
