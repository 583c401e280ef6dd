import Checkpoints
import Graph

extension Executor {
  /// SHA-256, in hexadecimal, of all parameters' bytes (little-endian float32, without padding) in the order of their names.
  public var weightsSHA256: String {
    var hash = SHA256()
    for parameter in graph.parameters.sorted(by: { $0.name < $1.name }) {
      hash.update(UnsafeRawBufferPointer(parameters[parameter.range]))
    }
    return hash.hexadecimal
  }
}
