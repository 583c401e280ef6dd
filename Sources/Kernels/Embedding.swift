import CKernels

/// Rows of a table chosen by indices.
package enum EmbeddingKernels {
  /// y[i] = table[indices[i]] (+ positions[(first + i) mod period]); a row of NaN for an index outside the table's rows.
  package static func gather(
    _ count: Int, width: Int, indices: UnsafePointer<Int32>, table: UnsafePointer<Float>, rows: Int,
    positions: UnsafePointer<Float>?, first: Int, period: Int, into y: UnsafeMutablePointer<Float>
  ) {
    rondo_embedding(count, width, indices, table, rows, positions, first, period, y)
  }

  /// table[indices[i]] += dy[i] in ascending order of i, on a range of `columns` columns that begins where the pointers point.
  package static func scatter(
    _ count: Int, columns: Int, width: Int, indices: UnsafePointer<Int32>, dy: UnsafePointer<Float>,
    into table: UnsafeMutablePointer<Float>, rows: Int
  ) {
    rondo_embedding_gradient(count, columns, width, indices, dy, table, rows)
  }

  /// positions[p] (+)= Σ dy[p + repeat · period] in ascending order, for the positions of `range`.
  package static func sumOverRepeats(
    _ range: Range<Int>, period: Int, repeats: Int, width: Int, dy: UnsafePointer<Float>,
    into positions: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_position_gradient(
      range.lowerBound, range.upperBound, period, repeats, width, dy, positions, accumulate ? 1 : 0)
  }
}

/// The mean over the valid positions of sequences.
package enum TimeMean {
  /// y[s] = mean of x[s][t] over t < lengths[s]
  package static func mean(
    samples: Int, times: Int, width: Int, x: UnsafePointer<Float>, lengths: UnsafePointer<Int32>?,
    into y: UnsafeMutablePointer<Float>
  ) {
    rondo_mean_over_time(samples, times, width, x, lengths, y)
  }

  /// dx[s][t] (+)= dy[s] / lengths[s] where t < lengths[s]
  package static func gradient(
    samples: Int, times: Int, width: Int, dy: UnsafePointer<Float>, lengths: UnsafePointer<Int32>?,
    into dx: UnsafeMutablePointer<Float>, accumulate: Bool
  ) {
    rondo_mean_over_time_gradient(samples, times, width, dy, lengths, dx, accumulate ? 1 : 0)
  }
}
