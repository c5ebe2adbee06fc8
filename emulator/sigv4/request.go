package sigv4

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// signature is what a request says about its signature.
type signature struct {
	accessKey, date, region, service, end string
	headers                               []string // lower case, as the client listed them
	signature, token                      string
	time                                  time.Time
	presigned                             bool
	expires                               time.Duration // of a presigned request
}

// read finds the signature in the Authorization header or in the query.
func read(r *http.Request) (*signature, error) {
	auth := r.Header.Values("Authorization")
	query := r.URL.Query()
	switch {
	case len(auth) > 1:
		return nil, fault(codeIncomplete, "Only one Authorization header is allowed.")
	case len(auth) == 1:
		return readHeader(r, strings.TrimSpace(auth[0]))
	case query.Has("X-Amz-Algorithm") || query.Has("X-Amz-Signature"):
		return readQuery(query)
	}
	return nil, fault(codeMissing, "Request is missing Authentication Token")
}

func readHeader(r *http.Request, auth string) (*signature, error) {
	name, rest, _ := strings.Cut(auth, " ")
	if name != algorithm {
		return nil, fault(codeIncomplete, "Unsupported AWS 'algorithm': '%.64s'", name)
	}
	fields := map[string]string{}
	for _, part := range strings.Split(rest, ",") {
		k, v, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, twice := fields[k]; !ok || twice {
			return nil, fault(codeIncomplete, "'%.64s' not a valid key=value pair (missing equal-sign) in Authorization header: '%.256s'.", strings.TrimSpace(part), auth)
		}
		fields[k] = v
	}
	var missing []string
	for _, k := range []string{"Credential", "Signature", "SignedHeaders"} {
		if fields[k] == "" {
			missing = append(missing, "Authorization header requires '"+k+"' parameter.")
		}
	}
	date := r.Header.Get("X-Amz-Date")
	if date == "" {
		date = r.Header.Get("Date")
	}
	if date == "" {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if missing != nil {
		return nil, fault(codeIncomplete, "%s Authorization=%.256s", strings.Join(missing, " "), auth)
	}
	s := &signature{signature: fields["Signature"], token: r.Header.Get("X-Amz-Security-Token")}
	return s, s.fill(fields["Credential"], fields["SignedHeaders"], date)
}

func readQuery(q url.Values) (*signature, error) {
	if a := q.Get("X-Amz-Algorithm"); a != algorithm {
		return nil, fault(codeIncomplete, "Unsupported AWS 'algorithm': '%.64s'", a)
	}
	var missing []string
	for _, k := range []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"} {
		if q.Get(k) == "" {
			missing = append(missing, "AWS query-string parameters must include '"+k+"'.")
		}
	}
	if missing != nil {
		return nil, fault(codeIncomplete, "%s", strings.Join(missing, " "))
	}
	seconds, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if err != nil || seconds < 1 || time.Duration(seconds)*time.Second > maxExpires {
		return nil, fault(codeIncomplete, "X-Amz-Expires must be a number of seconds from 1 to %d", int(maxExpires.Seconds()))
	}
	s := &signature{signature: q.Get("X-Amz-Signature"), token: q.Get("X-Amz-Security-Token"), presigned: true, expires: time.Duration(seconds) * time.Second}
	return s, s.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Date"))
}

// fill takes the credential, the list of headers and the time apart.
func (s *signature) fill(credential, headers, date string) error {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 {
		return fault(codeIncomplete, "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%.128s'", credential)
	}
	s.accessKey, s.date, s.region, s.service, s.end = parts[0], parts[1], parts[2], parts[3], parts[4]
	s.headers = strings.Split(headers, ";")
	if !slices.Contains(s.headers, "host") {
		return fault(codeInvalid, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	at, err := time.Parse(timeForm, date)
	if err != nil {
		at, err = http.ParseTime(date)
	}
	if err != nil {
		return fault(codeIncomplete, "Date must be in ISO-8601 'basic format'. Got '%.64s'. See http://en.wikipedia.org/wiki/ISO_8601", date)
	}
	s.time = at.UTC()
	return nil
}

// canonicalRequest is the text that was hashed and signed.
func (s *signature) canonicalRequest(r *http.Request, payloadHash string) string {
	var b strings.Builder
	for _, line := range []string{r.Method, canonicalPath(r.URL), s.canonicalQuery(r.URL.Query())} {
		b.WriteString(line + "\n")
	}
	for _, name := range s.headers {
		b.WriteString(name + ":" + headerValue(r, name) + "\n")
	}
	b.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + payloadHash)
	return b.String()
}

// canonicalPath is the path as it was sent, encoded once more, as every service but S3 wants it.
func canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	return encode(path, true)
}

func (s *signature) canonicalQuery(q url.Values) string {
	if s.presigned {
		q.Del("X-Amz-Signature")
	}
	var pairs []string
	for name, values := range q {
		for _, v := range values {
			pairs = append(pairs, encode(name, false)+"="+encode(v, false))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}

// encode is RFC 3986's encoding: all but unreserved characters, and slashes of a path, as %XX.
func encode(s string, path bool) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~', path && c == '/':
			b.WriteByte(c)
		default:
			const hex = "0123456789ABCDEF"
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// headerValue is a header's canonical value: spaces trimmed and folded, several values joined by commas. Those that net/http takes out of the header are given back.
func headerValue(r *http.Request, name string) string {
	values := r.Header.Values(name)
	switch {
	case name == "host":
		values = []string{r.Host}
	case name == "content-length" && len(values) == 0:
		values = []string{strconv.FormatInt(r.ContentLength, 10)}
	case name == "transfer-encoding" && len(values) == 0:
		values = r.TransferEncoding
	}
	folded := make([]string, len(values))
	for i, v := range values {
		folded[i] = strings.Join(strings.Fields(v), " ")
	}
	return strings.Join(folded, ",")
}
