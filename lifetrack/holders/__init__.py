"""Who holds what: the paths of references from the roots of the program to objects that are still alive."""
