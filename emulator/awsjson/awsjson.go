// Package awsjson is the server's side of the protocol AWS JSON 1.1: bodies become the inputs of the AWS SDK's own Go types, outputs and faults become bodies.
//
// Names of members are names of fields. Unknown members are ignored, members that are null or whose case differs are absent, times are seconds since 1970 in both directions. An empty
// structure is one whose numbers are 0: the SDK leaves out numbers that are 0, so "ReplicaConfiguration": {} asks for none.
package awsjson

import (
	"fmt"

	"github.com/aws/smithy-go"
)

// ContentType is the type of bodies in both directions.
const ContentType = "application/x-amz-json-1.1"

// MaxDepth is how deep lists and structures of a body may nest; the deepest input of the service has four levels.
const MaxDepth = 32

// serialization is the fault for a body that does not have the form of the input.
func serialization(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "SerializationException", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}
