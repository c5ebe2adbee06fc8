package provider

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/memorydb/types"
	"github.com/aws/smithy-go"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// is says whether err is a fault of type T.
func is[T error](err error) bool {
	var fault T
	return errors.As(err, &fault)
}

// isNotFound says whether err says that the resource that was asked for is not there.
func isNotFound(err error) bool {
	return is[*types.ClusterNotFoundFault](err) || is[*types.ACLNotFoundFault](err) || is[*types.UserNotFoundFault](err) ||
		is[*types.ParameterGroupNotFoundFault](err) || is[*types.SubnetGroupNotFoundFault](err)
}

// advice says of a fault which attribute it is about and what to do.
type advice struct {
	when func(error) bool
	// attributes are the attributes that the fault may be about; the first one that the resource has is marked.
	attributes []string
	text       string
}

var advices = []advice{
	{func(err error) bool { return errors.Is(err, errAlreadyThere) }, []string{"name", "user_name"}, "Import it (terraform import), delete it, or choose another name."},
	{alreadyExists, []string{"name", "user_name"}, "Import it (terraform import), delete it, or choose another name."},
	{is[*types.ACLNotFoundFault], []string{"acl_name", "name"}, "Name an ACL that exists: open-access, or the name of a memorydb_acl."},
	{is[*types.UserNotFoundFault], []string{"user_names", "user_name"}, "Each name must be that of a user that exists; refer to memorydb_user.….user_name so that the user is made first."},
	{is[*types.ParameterGroupNotFoundFault], []string{"parameter_group_name", "name"}, "Name a parameter group that exists: default.… of the family, or the name of a memorydb_parameter_group."},
	{is[*types.SubnetGroupNotFoundFault], []string{"subnet_group_name", "name"}, "Name a subnet group that exists: the name of a memorydb_subnet_group."},
	{is[*types.MultiRegionClusterNotFoundFault], []string{"multi_region_cluster_name"}, "Name a multi-Region cluster that exists."},
	{is[*types.SnapshotNotFoundFault], []string{"snapshot_name"}, "Name a snapshot that exists."},
	{is[*types.SnapshotAlreadyExistsFault], []string{"final_snapshot_name"}, "Choose another name for the final snapshot, apply, then destroy."},
	{is[*types.InvalidSubnet], []string{"subnet_ids"}, "All subnets must exist and be of one VPC."},
	{is[*types.SubnetInUse], []string{"subnet_ids"}, "Keep the subnets that nodes of a cluster are in."},
	{is[*types.SubnetNotAllowedFault], []string{"subnet_ids"}, "Choose subnets in zones that the service offers."},
	{is[*types.SubnetQuotaExceededFault], []string{"subnet_ids"}, ""},
	{is[*types.SubnetGroupInUseFault], nil, "Delete the clusters that use it, or move them to another subnet group, first."},
	{is[*types.DefaultUserRequired], []string{"user_names"}, ""},
	{is[*types.DuplicateUserNameFault], []string{"user_names", "user_name"}, ""},
	{is[*types.InvalidACLStateFault], []string{"acl_name"}, "An ACL that is being changed, or that a cluster uses, can't be used or deleted now."},
	{is[*types.InvalidVPCNetworkStateFault], []string{"security_group_ids"}, "All security groups must exist and be of the subnet group's VPC."},
	{is[*types.InvalidKMSKeyFault], []string{"kms_key_arn"}, ""},
	{is[*types.NodeQuotaForClusterExceededFault], []string{"num_shards"}, "Ask for fewer shards or replicas, or for a higher quota."},
	{is[*types.NodeQuotaForCustomerExceededFault], []string{"num_shards"}, "Ask for fewer shards or replicas, delete clusters, or ask for a higher quota."},
	{is[*types.ShardsPerClusterQuotaExceededFault], []string{"num_shards"}, ""},
	{is[*types.InsufficientClusterCapacityFault], []string{"node_type"}, "Try again later or choose another node type."},
	{is[*types.TagQuotaPerResourceExceeded], []string{"tags"}, ""},
	{hasCode("AccessDeniedException"), nil, "The credentials are valid but lack the permission for this action."},
	{hasCode("UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationTokenException"), nil,
		"Check access_key, secret_key and token of the provider block, or the environment variables and profiles that they are taken from. The emulator's own are test and test."},
	{func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }, nil, "Terraform waited as long as the timeouts of the resource allow. What was begun goes on; apply again, or allow more time."},
	{is[*net.OpError], nil, "Check the provider's endpoint and that it is running: for the emulator, memorydb-emulator --listen and GET /health."},
}

func alreadyExists(err error) bool {
	return is[*types.ClusterAlreadyExistsFault](err) || is[*types.ACLAlreadyExistsFault](err) || is[*types.UserAlreadyExistsFault](err) ||
		is[*types.ParameterGroupAlreadyExistsFault](err) || is[*types.SubnetGroupAlreadyExistsFault](err)
}

func hasCode(codes ...string) func(error) bool {
	return func(err error) bool {
		var fault smithy.APIError
		return errors.As(err, &fault) && slices.Contains(codes, fault.ErrorCode())
	}
}

// attributeError says which attribute a call was about that was refused.
type attributeError struct {
	attribute string
	error
}

// Unwrap is the service's error.
func (e attributeError) Unwrap() error { return e.error }

func about(attribute string, err error) error { return attributeError{attribute, err} }

// fail adds the diagnostic for an error of the API: what was being done to which resource, what the service said, which attribute it is about, what to do, and the request's id. has says which attributes
// the resource has; nil has none.
func fail(diags *diag.Diagnostics, doing string, has func(attribute string) bool, err error) {
	summary, said := doing, err.Error()
	var fault smithy.APIError
	var network *net.OpError
	switch {
	case errors.As(err, &fault):
		summary += ": " + fault.ErrorCode()
		said = fault.ErrorMessage()
		if said == "" {
			said = "The service gave no reason."
		}
	case errors.As(err, &network):
		summary += ": the endpoint can't be reached"
		said = network.Error()
	}
	parts := []string{said}
	attribute := ""
	var call attributeError
	if errors.As(err, &call) {
		attribute = call.attribute
	}
	if i := slices.IndexFunc(advices, func(a advice) bool { return a.when(err) }); i >= 0 {
		if advices[i].text != "" {
			parts = append(parts, advices[i].text)
		}
		if has != nil {
			if j := slices.IndexFunc(advices[i].attributes, has); j >= 0 {
				attribute = advices[i].attributes[j]
			}
		}
	}
	var response *awshttp.ResponseError
	if errors.As(err, &response) && response.ServiceRequestID() != "" {
		parts = append(parts, fmt.Sprintf("Request id: %s", response.ServiceRequestID()))
	}
	detail := strings.Join(parts, "\n\n")
	if attribute == "" {
		diags.AddError(summary, detail)
		return
	}
	diags.AddAttributeError(path.Root(attribute), summary, detail)
}
