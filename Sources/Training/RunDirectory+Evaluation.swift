import Datasets
import Foundation

// What others need who measure the model or predict with it.
extension RunDirectory {
  /// Writes `preprocessing.json`, by which new data are read.
  func write(_ preprocessing: Preprocessing) throws {
    try write(JSONLine.encode(preprocessing), to: RunFiles.preprocessingName)
    self.preprocessing = preprocessing
  }

  /// Writes `evaluation.json`: the metrics of the summary, and what they are made of.
  func write(_ evaluation: Evaluation) throws {
    try write(evaluation.json(), to: RunFiles.evaluationName)
  }
}
