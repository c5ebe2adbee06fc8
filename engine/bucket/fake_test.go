package bucket_test

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// fake is an S3 server in this process, as much of one as the package uses, for what a real server does not do on demand: lose answers, parts and ends of bodies.
// make s3 runs the suite on a real one. It checks no signatures.
type fake struct {
	host string

	mu      sync.Mutex // guards everything below
	objects map[string]stored
	uploads map[string]map[int][]byte
	last    int // number of the last upload
	forget  bool
	fault   func(w http.ResponseWriter, r *http.Request) bool // answers a request instead, if it returns true
}

type stored struct {
	data []byte
	at   time.Time
}

// newFake starts a server with one bucket, snapshots.
func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{objects: map[string]stored{}, uploads: map[string]map[int][]byte{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.fault == nil || !f.fault(w, r) {
			f.serve(w, r)
		}
	}))
	t.Cleanup(server.Close)
	f.host = strings.TrimPrefix(server.URL, "http://")
	return f
}

// with changes the server between requests.
func (f *fake) with(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, "<Error><Code>%s</Code><Message>refused</Message></Error>", code)
}

func answer(w http.ResponseWriter, v any) {
	if err := xml.NewEncoder(w).Encode(v); err != nil {
		panic(err)
	}
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	bucket, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	q := r.URL.Query()
	switch object, there := f.objects[name]; {
	case bucket != "snapshots":
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case name == "" && r.Method == http.MethodGet:
		f.list(w, q.Get("prefix"), q.Get("continuation-token"))
	case name == "": // HEAD of the bucket
	case r.Method == http.MethodDelete && q.Has("uploadId"):
		delete(f.uploads, q.Get("uploadId"))
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodDelete:
		delete(f.objects, name)
		w.WriteHeader(http.StatusNoContent)
	case r.Method == http.MethodPost && q.Has("uploads"):
		f.last++
		id := strconv.Itoa(f.last)
		f.uploads[id] = map[int][]byte{}
		answer(w, struct {
			XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
			UploadID string   `xml:"UploadId"`
		}{UploadID: id})
	case r.Method == http.MethodPost:
		f.complete(w, name, q.Get("uploadId"))
	case r.Method == http.MethodPut && q.Has("uploadId"):
		n, _ := strconv.Atoi(q.Get("partNumber"))
		f.uploads[q.Get("uploadId")][n] = body(r)
		w.Header().Set("ETag", `"part"`)
	case r.Method == http.MethodPut && there && r.Header.Get("If-None-Match") == "*":
		refuse(w, http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		f.objects[name] = stored{body(r), time.Now()}
		w.Header().Set("ETag", `"whole"`)
	case !there:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	default:
		object.get(w, r)
	}
}

func (object stored) get(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"whole"`)
	w.Header().Set("Last-Modified", object.at.UTC().Format(http.TimeFormat))
	data := object.data
	if text, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok {
		from, _ := strconv.Atoi(strings.TrimSuffix(text, "-"))
		if from >= len(data) {
			refuse(w, http.StatusRequestedRangeNotSatisfiable, "InvalidRange")
			return
		}
		data = data[from:]
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.WriteHeader(http.StatusPartialContent)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(data) // the client may have gone
	}
}

func (f *fake) complete(w http.ResponseWriter, name, id string) {
	parts := f.uploads[id]
	delete(f.uploads, id)
	var data []byte
	for i, n := range slices.Sorted(maps.Keys(parts)) {
		if !f.forget || i > 0 {
			data = append(data, parts[n]...)
		}
	}
	f.objects[name] = stored{data, time.Now()}
	answer(w, struct {
		XMLName xml.Name `xml:"CompleteMultipartUploadResult"`
		Bucket  string
		ETag    string
	}{Bucket: "snapshots", ETag: `"parts"`})
}

// list answers up to 1000 names.
func (f *fake) list(w http.ResponseWriter, prefix, after string) {
	type content struct {
		Key          string
		Size         int
		LastModified string
	}
	var page struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []content
	}
	for _, name := range slices.Sorted(maps.Keys(f.objects)) {
		if !strings.HasPrefix(name, prefix) || name <= after {
			continue
		}
		if page.IsTruncated = len(page.Contents) == 1000; page.IsTruncated {
			break
		}
		page.NextContinuationToken = name
		page.Contents = append(page.Contents, content{name, len(f.objects[name].data), f.objects[name].at.UTC().Format(time.RFC3339)})
	}
	answer(w, page)
}

// body is what a request brings, without the signatures that stand between its chunks.
func body(r *http.Request) []byte {
	if !strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		data, _ := io.ReadAll(r.Body) // a client that has gone gets no answer
		return data
	}
	var data []byte
	in := bufio.NewReader(r.Body)
	for {
		head, err := in.ReadString('\n')
		size, _, _ := strings.Cut(strings.TrimSpace(head), ";")
		n, bad := strconv.ParseInt(size, 16, 64)
		if err != nil || bad != nil || n == 0 {
			_, _ = io.Copy(io.Discard, in)
			return data
		}
		chunk := make([]byte, n+2) // a line end follows
		_, _ = io.ReadFull(in, chunk)
		data = append(data, chunk[:n]...)
	}
}
