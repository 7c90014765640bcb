package scopes

import "slices"

// RolesOf returns an application's permissions for one resource, sorted.
func RolesOf(permissions []string, resource string) []string {
	var roles []string
	for _, permission := range permissions {
		if owner, name := Split(permission); owner == resource {
			roles = append(roles, name)
		}
	}
	slices.Sort(roles)
	return roles
}
