package control

import (
	"context"
	"reflect"
	"strings"

	"github.com/openmemorydb/memorydb/emulator/awsjson"
)

// Operation is one row of the table: an action of the API.
type Operation struct {
	// Name is the action's, as the SDK has it.
	Name string
	// Write says that the action changes something.
	Write bool
	// Call decodes the wire form of the input, executes, and returns the SDK's output.
	Call func(ctx context.Context, who Caller, body []byte) (any, error)
}

// op makes a row of a method; the name is taken from the type of its input.
func op[In, Out any](write bool, fn func(context.Context, Caller, *In) (*Out, error)) Operation {
	return Operation{
		Name: strings.TrimSuffix(reflect.TypeFor[In]().Name(), "Input"), Write: write,
		Call: func(ctx context.Context, who Caller, body []byte) (any, error) {
			in := new(In)
			if err := awsjson.Decode(body, in); err != nil {
				return nil, err
			}
			out, err := fn(ctx, who, in)
			if err != nil {
				return nil, err
			}
			return out, nil
		},
	}
}

const (
	read  = false
	write = true
)

// Operations is the table of actions that the service serves.
func (s *Service) Operations() []Operation {
	return []Operation{
		op(write, s.CreateACL), op(read, s.DescribeACLs), op(write, s.UpdateACL), op(write, s.DeleteACL),
		op(write, s.CreateCluster), op(read, s.DescribeClusters), op(write, s.UpdateCluster), op(write, s.DeleteCluster), op(write, s.FailoverShard),
		op(write, s.CreateParameterGroup), op(read, s.DescribeParameterGroups), op(read, s.DescribeParameters), op(write, s.UpdateParameterGroup),
		op(write, s.ResetParameterGroup), op(write, s.DeleteParameterGroup),
		op(write, s.CreateSubnetGroup), op(read, s.DescribeSubnetGroups), op(write, s.UpdateSubnetGroup), op(write, s.DeleteSubnetGroup),
		op(write, s.CreateSnapshot), op(read, s.DescribeSnapshots), op(write, s.CopySnapshot), op(write, s.DeleteSnapshot),
		op(write, s.CreateUser), op(read, s.DescribeUsers), op(write, s.UpdateUser), op(write, s.DeleteUser),
		op(read, s.ListTags), op(write, s.TagResource), op(write, s.UntagResource),
		op(read, s.DescribeEngineVersions), op(read, s.DescribeEvents), op(read, s.ListAllowedNodeTypeUpdates),
	}
}
