// Package filestore keeps records in a bbolt file that one process uses, for an app on a single
// server without Redis.
//
// Every change is a transaction, which is on disk when the call returns. Changes that are requested
// at the same time share one. A process that is killed at any point leaves each record as it was
// before or as it would have been after. Everything that other processes of the app could not see
// anyway is in memory: locks, and the marks of sign-ins that must not begin a session, because no
// sign-in under way survives the end of the process.
package filestore
