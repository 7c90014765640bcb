package graphapi

import "strings"

// segments is a tree of served paths. The key anything matches every segment.
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

// Parts of Graph that the emulator does not serve.
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
	knownAtTop = setOf(`$metadata admin agreementAcceptances agreements appCatalogs applicationTemplates
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
