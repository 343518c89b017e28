package join

// debian is the Debian project's cloud image, 12 and newer, which differs from Ubuntu's in
// what is on it and not in how it is told.
func debian() scripted { return scripted{family: Debian, packages: aptScript} }
