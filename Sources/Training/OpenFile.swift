import Foundation

/// What has become of the name of a file, or directory, that this process has open.
enum OpenFile {
  /// Whether `path` still names it: nobody has removed, moved or replaced it, or what it lies in.
  static func isNamed(_ path: String, _ descriptor: Int32) -> Bool {
    var (opened, named) = (stat(), stat())
    return fstat(descriptor, &opened) == 0 && stat(path, &named) == 0
      && opened.st_dev == named.st_dev && opened.st_ino == named.st_ino
  }
}
