package graph

import (
	"context"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// groupsPerCall is how many ids Graph takes at once.
const groupsPerCall = 20

// Groups tells which of some groups, by their object ids, the user of a credential is
// a member of, also through other groups. It is for Config.Groups:
//
//	fibermsal.Config{Groups: graph.Groups}
//
// It asks Graph with the scopes of Config, one call for each 20 ids. Graph wants
// GroupMember.Read.All, which an administrator consents to.
func Groups(ctx context.Context, user azcore.TokenCredential, ids []string) (memberOf []string, err error) {
	for some := range slices.Chunk(ids, groupsPerCall) {
		body := users.NewItemCheckMemberGroupsPostRequestBody()
		body.SetGroupIds(some)
		answer, err := For(user).CheckMemberGroups().PostAsCheckMemberGroupsPostResponse(ctx, body, nil)
		if err != nil {
			return nil, err
		}
		memberOf = append(memberOf, answer.GetValue()...)
	}
	return memberOf, nil
}
