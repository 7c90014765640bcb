// Package sessionmodel describes the life of sessions as a small state machine, and makes random
// histories of requests, sign-outs, deployments and faults. Its tests compare the machine with two
// instances of the library in virtual time, and simulate a week of an organization.
package sessionmodel
