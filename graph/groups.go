package graph

import (
	"context"
	"errors"
	"slices"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

// groupsPerCall is how many IDs Graph accepts in a call.
const groupsPerCall = 20

// Groups returns the groups among ids of which the user of a credential is a direct or indirect member.
// ids are object IDs. It is for Config.Groups:
//
//	fibermsal.Config{Groups: graph.Groups}
//
// It calls Graph once per 20 IDs, with the scopes of Config. Graph requires GroupMember.Read.All, to
// which an administrator must consent.
func Groups(ctx context.Context, user azcore.TokenCredential, ids []string) (memberOf []string, err error) {
	for some := range slices.Chunk(ids, groupsPerCall) {
		body := users.NewItemCheckMemberGroupsPostRequestBody()
		body.SetGroupIds(some)
		found, err := MeFor(user).CheckMemberGroups().PostAsCheckMemberGroupsPostResponse(ctx, body, nil)
		if err != nil {
			return nil, err
		}
		those := found.GetValue() // found is not nil, because the adapter returns an error for an empty response
		if those == nil {         // the SDK returns an empty object for a response that is not an object
			return nil, errBadAnswer.New("unreadable", errors.New("the answer has no list of groups"))
		}
		memberOf = append(memberOf, those...)
	}
	return memberOf, nil
}
