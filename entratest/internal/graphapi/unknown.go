package graphapi

import (
	"net/http"
	"strings"
)

// segments is a tree of served paths; anything stands for every segment.
type segments map[string]segments

const anything = "*"

// belowUser are the paths that are served below /me and /users/{id}.
var belowUser = segments{
	"manager": {}, "photo": {"$value": {}}, "photos": {anything: {"$value": {}}},
	"checkMemberGroups": {}, "getMemberObjects": {}, "transitiveMemberOf": {"microsoft.graph.group": {}},
}

// unknown returns the first segment that is not in the tree; ok is false if all are.
func (s segments) unknown(path []string) (name string, ok bool) {
	for _, segment := range path {
		next, known := s[segment]
		if !known {
			next, known = s[anything]
		}
		if !known {
			return segment, true
		}
		s = next
	}
	return "", false
}

// Parts of Graph that exist, but not here.
var (
	knownBelowUser = setOf(`activities agreementAcceptances appRoleAssignments assignLicense authentication calendar
		calendarGroups calendarView calendars changePassword chats checkMemberObjects cloudClipboard contactFolders
		contacts createdObjects deviceManagementTroubleshootingEvents directReports drive drives employeeExperience
		events extensions findMeetingTimes followedSites getMailTips getMemberGroups inferenceClassification insights
		invalidateAllRefreshTokens joinedTeams licenseDetails mailFolders mailboxSettings managedAppRegistrations
		managedDevices memberOf messages oauth2PermissionGrants onPremisesSyncBehavior onenote onlineMeetings outlook
		ownedDevices ownedObjects people permissionGrants photos planner presence print registeredDevices
		reminderView revokeSignInSessions scopedRoleMemberOf sendMail serviceProvisioningErrors settings solutions
		sponsors teamwork todo transitiveReports translateExchangeIds`)
	knownAtTop = setOf(`$batch $metadata admin agreementAcceptances agreements appCatalogs applicationTemplates
		applications auditLogs authenticationMethodConfigurations certificateBasedAuthConfiguration chats communications
		connections contacts contracts copilot dataPolicyOperations deviceAppManagement deviceManagement devices directory
		directoryObjects directoryRoleTemplates directoryRoles domainDnsRecords domains drive drives education
		employeeExperience external filterOperators functions groupLifecyclePolicies groupSettingTemplates groupSettings
		groups identity identityGovernance identityProtection identityProviders informationProtection invitations
		oauth2PermissionGrants organization permissionGrants places planner policies print reports roleManagement
		schemaExtensions scopedRoleMemberships search security servicePrincipals shares sites solutions storage
		subscribedSkus subscriptions teams teamsTemplates teamwork tenantRelationships users`)
)

func setOf(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// serveUnknown answers for the rest of Graph.
func (a *API) serveUnknown(w http.ResponseWriter, r *http.Request, path string) {
	setHeaders(w.Header(), r)
	t, fail := a.authenticate(r, path)
	switch {
	case fail != nil:
	case !permits(t.Names, "User.Read"):
		fail = unprivileged()
	default:
		fail = missing(path)
	}
	fail.write(w)
}

// missing is the error about a path that is not served. entra: it names the segment that does not exist.
func missing(path string) *failure {
	first, id, rest := split(path)
	noSegment := func(name string) *failure { return badQuery("Resource not found for the segment '" + name + "'.") }
	switch {
	case first != "me" && first != "users":
		if known, _, _ := strings.Cut(first, "("); knownAtTop[known] {
			return unserved(path)
		}
		return noSegment(first)
	case id == "" && first == "users":
		return unserved(path)
	case id == placeholder:
		return notFound(id)
	}
	list := strings.Split(rest, "/")
	name, unknown := belowUser.unknown(list)
	switch {
	case !unknown, knownBelowUser[list[0]] && belowUser[list[0]] == nil:
		return unserved(path)
	default:
		return noSegment(name)
	}
}

// unserved is the error about what Graph has and the emulator has not, so that nobody looks for a mistake in
// the path.
func unserved(path string) *failure {
	return badQuery("The emulator does not serve /" + path + ". Tests serve it with entratest.WithGraph, entra-emulator with -graph-files.")
}
