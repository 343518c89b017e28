// Package folder answers "whose are a cluster's files, and who removes them when the owner cannot?".
//
// It talks to the file system and to /proc. The owner holds a lock on the file cluster.lock in its folder, which
// contains its process id: while the lock is held, that number is the owner's for sure. Beside the owner runs a
// janitor, a process in a session of its own that reads a pipe which only the owner can write to. When the owner ends,
// however it ends, the pipe closes, and the janitor waits for the folder's processes to go and removes the folder.
//
// Nothing is remembered outside the folder. Removing fails when the file system refuses; what is still there is then
// named, and can be removed by the command "down".
package folder
