/// How well scores put the samples of a class before the others: areas under two curves over all thresholds.
struct RankingAreas: Equatable {
  /// Under the curve of true positives over false positives: the probability that a positive sample has a higher score than a negative
  /// one, where equal scores count half.
  var roc: Double
  /// Σ (R_k - R_(k-1)) P_k over the different scores from the highest down, with precision P_k and recall R_k of all samples with at
  /// least that score: the average precision, without interpolation.
  var precisionRecall: Double
}

extension RankingAreas {
  /// As scikit-learn's `roc_auc_score` and `average_precision_score`. The order of samples does not matter.
  ///
  /// - Returns: nil without positive or without negative samples, where both mean nothing. NaN for scores among which one is NaN.
  init?(scores: [Double], isPositive: (Int) -> Bool) {
    guard !scores.contains(where: \.isNaN) else {
      (roc, precisionRecall) = (.nan, .nan)
      return
    }
    let order = scores.indices.sorted { scores[$0] > scores[$1] }
    let positives = scores.indices.count(where: isPositive)
    let negatives = scores.count - positives
    guard positives > 0, negatives > 0 else { return nil }
    // Samples above the group of equal scores in hand, and twice the pairs in the right order.
    var (above, negativesAbove) = (0, 0)
    var pairs: UInt128 = 0
    precisionRecall = 0
    var start = 0
    while start < order.count {
      var end = start
      var positivesHere = 0
      while end < order.count, scores[order[end]] == scores[order[start]] {
        if isPositive(order[end]) { positivesHere += 1 }
        end += 1
      }
      let negativesHere = end - start - positivesHere
      let negativesBelow = negatives - negativesAbove - negativesHere
      pairs += UInt128(positivesHere) * UInt128(2 * negativesBelow + negativesHere)
      above += positivesHere
      negativesAbove += negativesHere
      precisionRecall += Double(positivesHere) / Double(positives) * (Double(above) / Double(end))
      start = end
    }
    roc = Double(pairs) / (2 * Double(positives) * Double(negatives))
  }
}
