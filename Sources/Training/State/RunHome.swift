#if canImport(Glibc)
  import Glibc
#endif

/// Where the directory of a run is, as one host sees it. The memory of the run says it, so that others know when nobody can go on from it any more:
/// when the directory is gone.
struct RunHome: Equatable {
  /// Without symbolic links.
  let path: String
  /// The file system that it is on: while that is not mounted, its directories are not gone.
  let device: Int
  /// The mount namespace in which it was seen: another container may have other files, and the same memory.
  let namespace: Int

  init(path: String, device: Int, namespace: Int) {
    (self.path, self.device, self.namespace) = (path, device, namespace)
  }

  /// Nil where this host does not see the directory of that run.
  init?(_ directory: String, run: String) {
    var status = stat()
    guard let identity = try? RunIdentity(directory: directory), identity.id == run,
      let resolved = RunIdentity.resolved(directory), stat(directory, &status) == 0
    else { return nil }
    self.init(path: resolved, device: Int(status.st_dev), namespace: Self.namespace)
  }

  /// Whether the directory was removed, or is that of another run by now.
  func isGone(run: String) -> Bool {
    guard namespace == Self.namespace else { return false }
    var status = stat()
    if stat("\(path)/\(RunIdentity.file)", &status) == 0 {
      guard let found = try? RunIdentity(directory: path) else { return false }
      return found.id != run
    }
    var ancestor = path
    while stat(ancestor, &status) != 0 {
      guard errno == ENOENT || errno == ENOTDIR, let slash = ancestor.lastIndex(of: "/") else { return false }
      ancestor = slash == ancestor.startIndex ? "/" : String(ancestor[..<slash])
    }
    return Int(status.st_dev) == device
  }

  private static var namespace: Int {
    var status = stat()
    return stat("/proc/self/ns/mnt", &status) == 0 ? Int(status.st_ino) : 0
  }
}
