// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>
#include <QStringList>
#include <random>

namespace rookery::app::test {

/// A text as a model may write it, and what a reader has to see of it (blanks and line breaks apart).
struct Written {
  QString said, shown;
  Written& operator+=(const Written& other) {
    said += other.said;
    shown += other.shown;
    return *this;
  }
};

/// Writes texts from a grammar: every piece is made together with what is to be shown of it, so nothing that the renderer
/// does is asked for the right value. The same seed gives the same texts.
class MarkdownWriter {
 public:
  explicit MarkdownWriter(unsigned seed) : m_random(seed) {}
  Written answer();

 private:
  enum class Language { English, Chinese, Mixed };

  enum class Signs { Spans, Openings, Closings };  ///< what this text has

  Written block();
  Written paragraph();
  Written sentence(int words);
  Written literal();    ///< signs that mean nothing
  Written span();       ///< signs that become a look
  Written words(int count);
  Written heading();
  Written list();
  Written items(int depth, const QString& indent);
  Written table();
  Written code(const QString& indent);
  Written formula();
  Written quote();
  Written rule();
  Written sum();
  Written definitions();
  Written cell();

  int below(int n) { return static_cast<int>(m_random() % static_cast<unsigned>(n)); }
  bool chance(int percent) { return below(100) < percent; }
  QString one(const QStringList& list) { return list[below(static_cast<int>(list.size()))]; }
  QString word();

  std::mt19937 m_random;
  Language m_language = Language::English;
  Signs m_signs = Signs::Spans;
};

}  // namespace rookery::app::test
