import Logging

/// Log messages of all modules as one line each on standard error: `rondo: warning: ...`.
struct StandardErrorLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { Job.warn("\(event.level): \(event.message)") }
}
