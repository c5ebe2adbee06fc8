// Package api is the HTTP front of the management API: AWS JSON 1.1 behind signature version 4, and a few routes of our own (GET /health, GET /_ca.pem, and
// what Config.Faults registers below /_faults).
//
// An answer is written whole, with its length, in one go, and compressed when it is large and the client accepts it: AWS's Go SDK, on loopback, otherwise loses a part of large answers and
// repeats the call (its request body is closed as soon as the headers are in). fail is the only place where errors become faults.
package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/aws/smithy-go"
	"github.com/labstack/echo/v4"

	"github.com/openmemorydb/memorydb/emulator/awsjson"
	"github.com/openmemorydb/memorydb/emulator/sigv4"
)

// Caller is who signed a request, and the region that the signature is for.
type Caller struct{ AccessKey, Account, Region string }

// Operation is one action.
type Operation struct {
	// Name is the action's.
	Name string
	// Write says that it changes something.
	Write bool
	// Call executes it on the wire form of its input. Errors are smithy.APIError; any other one is answered as InternalFailure.
	Call func(ctx context.Context, who Caller, body []byte) (any, error)
}

// Config is what a server needs; all but Faults and Logger are required.
type Config struct {
	// Lookup finds an action by name.
	Lookup   func(name string) (Operation, bool)
	Verifier *sigv4.Verifier
	// Account is the account of an access key.
	Account func(accessKey string) string
	// Ready says whether requests may be answered; Health is the JSON of the health answer then.
	Ready  func() bool
	Health func() any
	// CA is the PEM of the certificate that GET /_ca.pem answers.
	CA func() []byte
	// Faults registers the routes below /_faults; nil registers none.
	Faults func(*echo.Group)
	Logger *slog.Logger
}

const (
	// targetPrefix is in front of the action in X-Amz-Target.
	targetPrefix = "AmazonMemoryDB."
	// maxBody is the greatest size of a request in bytes.
	maxBody = 1 << 20
	// compressAbove is the size in bytes from which answers are compressed.
	compressAbove = 2 << 10
)

// Server is the HTTP server. Create it with New.
type Server struct {
	cfg  Config
	http http.Server
}

// New makes a server; Serve lets requests in.
func New(cfg Config) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{cfg: cfg}
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = echo.ExtractIPDirect()
	e.HTTPErrorHandler = func(err error, c echo.Context) { s.fail(c, err) }
	e.Use(s.requestID, s.recover)
	e.POST("/", s.action)
	e.GET("/health", s.health)
	e.GET("/_ca.pem", func(c echo.Context) error { return c.Blob(http.StatusOK, "application/x-pem-file", cfg.CA()) })
	if cfg.Faults != nil {
		cfg.Faults(e.Group("/_faults"))
	}
	s.http = http.Server{
		Handler: e, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
	}
	return s
}

// Handler is what serves requests, for tests.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers the requests that come to ln until Close; it closes ln. The error is nil after Close.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the API: %w", err)
	}
	return nil
}

// Close stops accepting and waits for the requests under way until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("drain the API: %w", err), s.http.Close())
	}
	return nil
}

const requestIDHeader = "X-Amzn-Requestid"

// requestID gives each request an id, which is in the answer's headers and in the log.
func (s *Server) requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		var b [16]byte
		_, _ = rand.Read(b[:]) // crypto/rand.Read never fails
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		h := hex.EncodeToString(b[:])
		c.Response().Header().Set(requestIDHeader, strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"))
		return next(c)
	}
}

// recover answers a request whose handler has panicked; the process lives.
func (s *Server) recover(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			if r := recover(); r != nil {
				s.cfg.Logger.Error("request panicked", "request_id", c.Response().Header().Get(requestIDHeader), "err", fmt.Sprint(r), "stack", string(debug.Stack()))
				err = errInternal
			}
		}()
		return next(c)
	}
}

// Codes of faults that no action has.
const (
	codeUnknown     = "UnknownOperationException"
	codeTooLarge    = "RequestEntityTooLarge"
	codeUnavailable = "ServiceUnavailable"
)

// noRoute is the fault for every other path and method.
var noRoute smithy.APIError = &smithy.GenericAPIError{Code: codeUnknown, Message: "The API is served by POST /.", Fault: smithy.FaultClient}

var errInternal = &smithy.GenericAPIError{Code: "InternalFailure", Message: "The request processing has failed because of an unknown error, exception or failure.", Fault: smithy.FaultServer}

func clientFault(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

func (s *Server) health(c echo.Context) error {
	if !s.cfg.Ready() {
		return c.JSON(http.StatusServiceUnavailable, map[string]string{"status": "starting"})
	}
	return c.JSON(http.StatusOK, s.cfg.Health())
}

// action answers one action of the service.
func (s *Server) action(c echo.Context) error {
	r := c.Request()
	if !s.cfg.Ready() {
		return &smithy.GenericAPIError{Code: codeUnavailable, Message: "The service is starting or stopping.", Fault: smithy.FaultServer}
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get(echo.HeaderContentType)); err != nil || t != awsjson.ContentType {
		return clientFault(codeUnknown, "The header Content-Type must be %s.", awsjson.ContentType)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return clientFault("SerializationException", "The request body could not be read.")
	}
	if len(body) > maxBody {
		return clientFault(codeTooLarge, "The request is larger than %d bytes.", maxBody)
	}
	id, err := s.cfg.Verifier.Verify(r, body)
	if err != nil {
		return err
	}
	name, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), targetPrefix)
	if !ok || name == "" {
		return clientFault(codeUnknown, "The header X-Amz-Target must name an action: %s<Action>.", targetPrefix)
	}
	op, ok := s.cfg.Lookup(name)
	if !ok {
		return clientFault(codeUnknown, "The action %.64s is not served by this version.", name)
	}
	began := time.Now()
	out, err := op.Call(r.Context(), Caller{AccessKey: id.AccessKey, Account: s.cfg.Account(id.AccessKey), Region: id.Region}, body)
	s.cfg.Logger.Debug("request", "op", name, "write", op.Write, "region", id.Region, "request_id", c.Response().Header().Get(requestIDHeader), "took", time.Since(began), "err", err)
	if err != nil {
		return err
	}
	answer, err := awsjson.Encode(out)
	if err != nil {
		return fmt.Errorf("encode the answer of %s: %w", name, err)
	}
	return write(c, http.StatusOK, answer)
}

// write sends an answer whole, compressed if it is large and the client accepts that.
func write(c echo.Context, status int, body []byte) error {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, awsjson.ContentType)
	if len(body) > compressAbove && acceptsGzip(c.Request()) {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, err := z.Write(body)
		if err = errors.Join(err, z.Close()); err != nil {
			return fmt.Errorf("compress an answer: %w", err)
		}
		h.Set(echo.HeaderContentEncoding, "gzip")
		h.Set(echo.HeaderVary, echo.HeaderAcceptEncoding)
		body = b.Bytes()
	}
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(body)))
	c.Response().WriteHeader(status)
	_, err := c.Response().Write(body)
	return err
}

func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		name, q, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return strings.ReplaceAll(q, " ", "") != "q=0"
		}
	}
	return false
}

// fail answers a request that was refused. What isn't a fault of the API is logged, and its text stays inside.
func (s *Server) fail(c echo.Context, err error) {
	if c.Response().Committed {
		return
	}
	var api smithy.APIError
	var route *echo.HTTPError
	switch {
	case errors.As(err, &api):
	case errors.As(err, &route) && route.Code < http.StatusInternalServerError:
		api = noRoute
	default:
		s.cfg.Logger.Error("request failed", "request_id", c.Response().Header().Get(requestIDHeader), "err", err)
		api = errInternal
	}
	c.Response().Header().Set("X-Amzn-Errortype", api.ErrorCode())
	s.unwritten(c, write(c, status(api), awsjson.EncodeFault(api.ErrorCode(), api.ErrorMessage())))
}

// status is the HTTP status of a fault. Clients look at the code in the body; the service answers 400 for all that is theirs.
func status(fault smithy.APIError) int {
	switch {
	case fault == noRoute:
		return http.StatusNotFound
	case fault.ErrorCode() == codeTooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.ErrorCode() == codeUnavailable:
		return http.StatusServiceUnavailable
	case fault.ErrorFault() == smithy.FaultServer:
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}

// unwritten notes an answer that the client did not take.
func (s *Server) unwritten(c echo.Context, err error) {
	if err != nil {
		s.cfg.Logger.Debug("client has gone", "request_id", c.Response().Header().Get(requestIDHeader), "err", err)
	}
}
