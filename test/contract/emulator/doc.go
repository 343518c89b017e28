// Package emulator installs and runs AWS endpoints that other people wrote, as plain processes
// on loopback: moto's server and LocalStack, both from the Python package index.
//
// It answers one question: at which URL does that endpoint listen? It talks to a Python that
// is on the machine, and through its pip, with the machine's own settings of an index, to the
// package index. Every file that is installed has its hash in test/contract.
//
//	kind, err := emulator.Named("localstack")
//	installed, err := emulator.Install(ctx, kind, cacheFolder, os.Stderr)
//	server, err := installed.Start(ctx, "127.0.0.1")
//	defer server.Stop()
//
// # Memory
//
// A virtual environment for each set of requirements and Python, in the cache folder, kept
// between runs: about 300 MB for moto, 500 MB for LocalStack. What a server keeps is in a folder
// that Stop deletes.
//
// # Failure
//
// NoPythonError says that the machine has no Python that is young enough. An installation that fails
// says what pip said last, and is made anew the next time. A server that does not become
// ready is ended, and its last lines are in the error.
package emulator
