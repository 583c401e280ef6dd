import Foundation

extension AllreduceProfiles {
  /// Where profiles are kept if nothing else is said: what `RONDO_PROFILE` names, else `rondo/allreduce.json` in the user's folder for
  /// configurations.
  public static var defaultPath: String {
    let environment = ProcessInfo.processInfo.environment
    if let path = environment["RONDO_PROFILE"], !path.isEmpty { return path }
    let home = environment["HOME"] ?? "."
    let folder = environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? "\(home)/.config"
    return "\(folder)/rondo/allreduce.json"
  }

  /// Reads a file of profiles.
  ///
  /// - Returns: nil where there is no such file.
  /// - Throws: `ProfileError` for a file that cannot be read or does not hold profiles.
  public init?(path: String) throws(ProfileError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else { return nil }
    // Foundation's own words for it are those of an unknown error.
    if isFolder.boolValue { throw ProfileError("\(path): a folder, and a file of profiles is wanted") }
    do {
      self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path)))
    } catch let error as DecodingError {
      throw ProfileError(
        "\(path): not a file of allreduce profiles (\(Self.reason(error))); remove it, and run rondo tune again"
      )
    } catch {
      throw ProfileError("\(path): cannot be read (\(error.localizedDescription))")
    }
  }

  /// Adds a profile to those that a file holds now: another job may have written one since it was read.
  public static func add(_ profile: AllreduceProfile, path: String) throws(ProfileError) {
    var profiles = try AllreduceProfiles(path: path) ?? AllreduceProfiles()
    profiles.insert(profile)
    try profiles.write(path: path)
  }

  /// Writes the file at once, or leaves what was there.
  public func write(path: String) throws(ProfileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let url = URL(filePath: path)
    do {
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try (encoder.encode(self) + Data("\n".utf8)).write(to: url, options: .atomic)
    } catch {
      throw ProfileError(
        "\(path): cannot be written (\(error.localizedDescription)); choose another --output")
    }
  }

  private static func reason(_ error: DecodingError) -> String {
    func place(_ path: [any CodingKey]) -> String { path.map(\.stringValue).joined(separator: ".") }
    switch error {
    case .keyNotFound(let key, let context): return "\(place(context.codingPath + [key])) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "\(place(context.codingPath)): \(context.debugDescription)"
    case .dataCorrupted(let context):
      let place = place(context.codingPath)
      return place.isEmpty ? "not JSON" : "\(place): \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }
}

/// What is wrong with a file of profiles, in one line.
public struct ProfileError: Error, CustomStringConvertible {
  public let description: String
  init(_ description: String) { self.description = description }
}
