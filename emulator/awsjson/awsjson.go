// Package awsjson is the AWS JSON 1.1 wire form of the AWS SDK's own types: inputs are read into the SDK's structs, outputs and faults are written from them.
//
// A member's name is the field's name, and case counts. A time is a number of seconds since 1970. What is unset is absent: the writer never writes null, and the reader takes
// null for absent. See https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html.
package awsjson

import (
	"reflect"
	"time"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// ContentType is the media type of requests and answers.
const ContentType = "application/x-amz-json-1.1"

// MaxDepth is how deep lists and structures may nest in a request; the service's deepest input has four levels.
const MaxDepth = 32

// SerializationError says why a body cannot be read as an operation's input. It is a smithy.APIError, which clients see as SerializationException.
type SerializationError struct {
	Path   string // of the member, such as "Tags[1].Key"; "" for the document
	Reason string // in AWS's words where they are known
	Err    error  // what the JSON syntax error was, or nil
}

var _ smithy.APIError = (*SerializationError)(nil)

func (e *SerializationError) Error() string {
	return e.ErrorCode() + ": " + e.ErrorMessage()
}

// ErrorCode is the code of the fault on the wire.
func (e *SerializationError) ErrorCode() string { return "SerializationException" }

// ErrorMessage names the member, if it is known, and what is wrong with it.
func (e *SerializationError) ErrorMessage() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Path + ": " + e.Reason
}

// ErrorFault says that the client is to blame.
func (e *SerializationError) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// Unwrap returns the JSON syntax error, if that was the cause.
func (e *SerializationError) Unwrap() error { return e.Err }

var (
	timeType     = reflect.TypeFor[time.Time]()
	metadataType = reflect.TypeFor[middleware.Metadata]()
)

// isMember says whether a field of an SDK struct is a member on the wire. The others are the SDK's own: what it knows of the answer, and its marker of types without a
// document form.
func isMember(f reflect.StructField) bool {
	return f.IsExported() && !f.Anonymous && f.Type != metadataType
}
