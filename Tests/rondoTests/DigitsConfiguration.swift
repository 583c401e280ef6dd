/// A configuration of a small network over the built-in digits, as YAML.
///
/// - Parameters:
///   - training: what that section says besides the batch, such as `steps: 20`.
///   - checkpoint: what that section says.
func digitsConfiguration(
  seed: Int = 1, hidden: [Int] = [16], dropout: Double = 0, batch: Int = 240, microbatch: Int = 60,
  training: [String], checkpoint: [String] = []
) -> String {
  """
  seed: \(seed)
  model: { hidden: \(hidden), dropout: \(dropout) }
  data: { source: digits }
  training: { batch: \(batch), microbatch: \(microbatch), \(training.joined(separator: ", ")) }
  checkpoint: { \(checkpoint.joined(separator: ", ")) }

  """
}
