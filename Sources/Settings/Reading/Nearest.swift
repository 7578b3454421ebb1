/// The known word that a mistyped one is most likely to mean.
///
/// - Returns: None where nothing is near: at most a third of the letters may differ.
func nearest(to word: String, among known: [String]) -> String? {
    // Long words are not typed by hand; the table below is as large as their product.
    guard word.count <= 64 else { return nil }
    let folded = fold(word)
    return
        known
        .map { (word: $0, distance: distance(folded, fold($0))) }
        .filter { $0.distance <= max(1, min(3, max(folded.count, $0.word.count) / 3)) }
        .min { $0.distance < $1.distance }?.word
}

/// Spellings that differ by habit alone: `stop-grace`, `stopGrace`, `stop_grace`.
private func fold(_ word: String) -> [Character] {
    word.lowercased().filter { $0 != "-" && $0 != "_" }
}

/// Letters to insert, delete, replace or swap with the next (optimal string alignment).
private func distance(_ left: [Character], _ right: [Character]) -> Int {
    guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
    var rows = [Array(0...right.count)]
    for (i, a) in left.enumerated() {
        var row = [i + 1]
        for (j, b) in right.enumerated() {
            var best = min(rows[i][j] + (a == b ? 0 : 1), rows[i][j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, a == right[j - 1], left[i - 1] == b {
                best = min(best, rows[i - 1][j - 1] + 1)
            }
            row.append(best)
        }
        rows.append(row)
    }
    return rows[left.count][right.count]
}
