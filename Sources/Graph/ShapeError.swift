/// What is wrong with a model, found while it is traced: nothing has run yet.
public struct ShapeError: Error, Equatable, CustomStringConvertible {
  /// What was expected and what was found.
  public let reason: String
  /// The operation or layer in which it was found, such as `dense "hidden.0"`.
  public var place: String

  public init(_ reason: String, place: String = "") {
    self.reason = reason
    self.place = place
  }

  public var description: String { place.isEmpty ? reason : "\(place): \(reason)" }
}
