/// Guesses what a mistyped key was meant to be.
enum Suggestion {
    /// The candidate that is closest to the word, if it is at most two typing errors away and not a different word altogether.
    static func nearest(to word: String, among candidates: [String]) -> String? {
        guard word.utf8.count <= 64 else {
            return nil
        }
        let distances = candidates.map { (candidate: $0, distance: distance(word.lowercased(), $0.lowercased())) }
        guard let nearest = distances.min(by: { $0.distance < $1.distance }),
            nearest.distance <= 2, nearest.distance < nearest.candidate.utf8.count / 2 + 1
        else {
            return nil
        }
        return nearest.candidate
    }

    /// The number of letters to insert, delete, replace or swap with their neighbour.
    private static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(previous[column + 1] + 1, current[column] + 1, previous[column] + (letter == other ? 0 : 1))
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    cost = min(cost, beforePrevious[column - 1] + 1)
                }
                current.append(cost)
            }
            beforePrevious = previous
            previous = current
        }
        return previous[right.count]
    }
}
