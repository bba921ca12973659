# Write tests/known_answer/reference_numbers_r.json: what R says of the same cases as reference_numbers.json.
#
# Run by hand: `Rscript tests/oracles/reference_numbers.R` (needs jsonlite). Each number is that of R's own
# distribution functions, or of its tests, which share no code with the package or with mpmath.
library(jsonlite)

folder <- file.path(dirname(dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))), "known_answer")
cases <- fromJSON(file.path(folder, "reference_numbers.json"), simplifyVector = FALSE)
told <- function(value) trimws(formatC(value, digits = 17, format = "g"))
number <- function(text) as.numeric(text)

# P(sum of squares at least that of the counts) of the uniform multinomial law: binom.test for two keys, where
# both tests order the outcomes alike; dmultinom over every outcome for more, where they are few.
uniform <- function(counts) {
  counts <- unlist(counts)
  total <- sum(counts)
  size <- length(counts)
  if (size == 2) return(binom.test(counts[1], total, 0.5)$p.value)
  if (choose(total + size - 1, size - 1) > 60000) return(NaN)  # too many outcomes
  outcomes <- t(combn(total + size - 1, size - 1))
  bars <- cbind(0, outcomes, total + size)
  cells <- bars[, -1] - bars[, -ncol(bars)] - 1
  uneven <- cells[rowSums(cells^2) >= sum(counts^2), , drop = FALSE]
  sum(sort(apply(uneven, 1, dmultinom, prob = rep(1 / size, size))))
}

power <- function(picks, shares, alpha) {
  size <- length(shares)
  beyond <- qchisq(alpha, size - 1, lower.tail = FALSE)
  pchisq(beyond, size - 1, ncp = picks * size * sum((shares - 1 / size)^2), lower.tail = FALSE)
}

interval <- function(count, total, size, confidence)
  binom.test(count, total, conf.level = 1 - (1 - confidence) / size)$conf.int

# Erlang's B is a quotient of Poisson numbers; what goes beyond a limit, a difference of their tails.
erlang <- function(servers, load) dpois(servers, load) / ppois(servers, load)
overflow <- function(mean, limit)
  ppois(limit - 1, mean, lower.tail = FALSE) - limit / mean * ppois(limit, mean, lower.tail = FALSE)

answers <- list(
  uniform = lapply(cases$uniform, function(row) uniform(row[[1]])),
  succession = lapply(cases$succession, function(row) pbinom(row[[1]] - 1, row[[2]], 0.01, lower.tail = FALSE)),
  unused = lapply(cases$unused, function(row) {
    shares <- unlist(row[[1]]) / row[[3]]
    exp(row[[2]] * sum(dbinom(0, 1, shares, log = TRUE)))
  }),
  power = lapply(cases$power, function(row) power(row[[1]], number(unlist(row[[2]])), number(row[[3]]))),
  interval = lapply(cases$interval, function(row) interval(row[[1]], row[[2]], row[[3]], number(row[[4]]))),
  student = lapply(cases$student, function(row) qt(0.975, row[[1]])),
  erlang = lapply(cases$erlang, function(row) erlang(row[[1]], number(row[[2]]))),
  overflow = lapply(cases$overflow, function(row) overflow(number(row[[1]]), row[[2]]))
)
answers <- lapply(answers, function(rows) lapply(rows, function(value) as.list(told(value))))
answers$version <- R.version.string
writeLines(toJSON(answers, auto_unbox = TRUE, pretty = TRUE), file.path(folder, "reference_numbers_r.json"))
