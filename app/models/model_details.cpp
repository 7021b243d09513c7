// SPDX-License-Identifier: GPL-3.0-or-later
#include "models/model_details.h"

#include <QDateTime>
#include <QDir>
#include <QEvent>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QVBoxLayout>
#include <algorithm>

#include "inference/engine_text.h"
#include "inference/model_title.h"
#include "models/name_text.h"
#include "settings/device_picker.h"
#include "support/accessible.h"
#include "support/format.h"
#include "support/plain_text.h"
#include "theme/icons.h"
#include "theme/label.h"

namespace rookery::app {

namespace {

constexpr qsizetype kMostSaid = 600;  ///< characters of an error for a screen reader

QString tokenizerText(engine::TokenizerKind kind) {
  switch (kind) {
    case engine::TokenizerKind::World: return ModelDetails::tr("World");
    case engine::TokenizerKind::Embedded: return ModelDetails::tr("built into the file");
    case engine::TokenizerKind::Pile20B: return ModelDetails::tr("20B (Pile)");
    case engine::TokenizerKind::Unknown: break;
  }
  return ModelDetails::tr("unknown tokenizer");
}

}  // namespace

ModelDetails::ModelDetails(QWidget* parent)
    : Card(parent),
      m_title(makeHeading(HeadingLevel::Section, this)),
      m_summary(new MutedLabel(this)),
      m_verdict(new Label(this)),
      m_errorText(new Label(this)),
      m_errorDetails(new MutedLabel(this)),
      m_progressText(new Label(this)),
      m_guideText(new Label(this)),
      m_verdictIcon(new IconLabel(QStringLiteral("ok"), 20, this)),
      m_errorIcon(new IconLabel(QStringLiteral("error"), 20, this)),
      m_verdictBox(new QWidget(this)),
      m_errorBox(new QWidget(this)),
      m_progressBox(new QWidget(this)),
      m_facts(new QWidget(this)),
      m_form(new QFormLayout(m_facts)),
      m_need(new QProgressBar(this)),
      m_progress(new QProgressBar(this)),
      m_deviceLabel(new Label(this)),
      m_picker(new DevicePicker(this)),
      m_onCpu(new QPushButton(this)), m_shared(new QPushButton(this)),
      m_load(new QPushButton(this)),
      m_cancel(new QPushButton(this)),
      m_folder(new QPushButton(this)),
      m_moreDetails(new QPushButton(this)),
      m_remove(new QPushButton(this)),
      m_vocabulary(new QPushButton(this)),
      m_ownVocabulary(new QPushButton(this)),
      m_vocabularyBox(new QWidget(this)) {
  setObjectName(QStringLiteral("modelDetails"));
  setAccessibleRole(m_errorBox, QAccessible::AlertMessage);
  m_title->setObjectName(QStringLiteral("modelTitle"));
  m_title->setElided(true);  // the name of a file has no blanks to break at
  m_summary->setObjectName(QStringLiteral("modelSummary"));
  m_summary->setWordWrap(true);
  m_verdict->setObjectName(QStringLiteral("modelVerdict"));
  m_verdict->setWordWrap(true);
  m_errorText->setObjectName(QStringLiteral("modelError"));
  m_errorText->setWordWrap(true);
  m_errorDetails->setObjectName(QStringLiteral("modelErrorDetails"));
  m_errorDetails->setWordWrap(true);
  m_errorDetails->setTextInteractionFlags(Qt::TextSelectableByMouse);
  m_guideText->setWordWrap(true);
  m_need->setObjectName(QStringLiteral("modelNeed"));
  m_need->setRange(0, 1000);
  m_need->setTextVisible(false);
  m_progress->setObjectName(QStringLiteral("modelProgress"));
  m_progress->setTextVisible(false);
  m_progress->setRange(0, 1000);
  m_progressText->setObjectName(QStringLiteral("modelProgressText"));
  m_progressText->setWordWrap(true);
  m_deviceLabel->setBuddy(m_picker);
  m_onCpu->setObjectName(QStringLiteral("modelLoadOnCpu"));
  m_onCpu->setIcon(lineIcon(QStringLiteral("cpu")));
  m_shared->setObjectName(QStringLiteral("modelLoadShared"));
  m_shared->setIcon(lineIcon(QStringLiteral("models")));
  m_load->setObjectName(QStringLiteral("modelLoad"));
  m_load->setProperty("primary", true);
  m_cancel->setObjectName(QStringLiteral("modelCancel"));
  m_cancel->setIcon(lineIcon(QStringLiteral("stop")));
  m_folder->setObjectName(QStringLiteral("modelFolder"));
  m_folder->setIcon(lineIcon(QStringLiteral("folder-open")));
  m_remove->setObjectName(QStringLiteral("modelRemove"));
  m_remove->setIcon(lineIcon(QStringLiteral("close")));
  m_vocabulary->setObjectName(QStringLiteral("modelVocabulary"));
  m_vocabulary->setIcon(lineIcon(QStringLiteral("book")));
  m_ownVocabulary->setObjectName(QStringLiteral("modelOwnVocabulary"));
  m_ownVocabulary->setFlat(true);
  auto* vocabularyRow = new QHBoxLayout(m_vocabularyBox);
  vocabularyRow->setContentsMargins(0, 0, 0, 0);
  vocabularyRow->addWidget(m_vocabulary);
  vocabularyRow->addWidget(m_ownVocabulary);
  vocabularyRow->addStretch();
  m_moreDetails->setObjectName(QStringLiteral("modelErrorMore"));
  m_moreDetails->setCheckable(true);
  m_moreDetails->setFlat(true);

  auto* verdictRow = new QHBoxLayout;
  verdictRow->setContentsMargins(0, 0, 0, 0);
  verdictRow->addWidget(m_verdictIcon, 0, Qt::AlignTop);
  verdictRow->addWidget(m_verdict, 1);
  auto* verdictColumn = new QVBoxLayout(m_verdictBox);
  verdictColumn->setContentsMargins(0, 0, 0, 0);
  verdictColumn->addLayout(verdictRow);
  verdictColumn->addWidget(m_need);

  auto* errorRow = new QHBoxLayout;
  errorRow->setContentsMargins(0, 0, 0, 0);
  errorRow->addWidget(m_errorIcon, 0, Qt::AlignTop);
  errorRow->addWidget(m_errorText, 1);
  auto* errorColumn = new QVBoxLayout(m_errorBox);
  errorColumn->setContentsMargins(0, 0, 0, 0);
  errorColumn->addLayout(errorRow);
  auto* errorButtons = new QHBoxLayout;
  errorButtons->addWidget(m_shared);
  errorButtons->addWidget(m_onCpu);
  errorButtons->addWidget(m_moreDetails);
  errorButtons->addStretch();
  errorColumn->addLayout(errorButtons);
  errorColumn->addWidget(m_errorDetails);
  m_errorDetails->hide();
  connect(m_moreDetails, &QPushButton::toggled, m_errorDetails, &QWidget::setVisible);

  auto* progressRow = new QHBoxLayout;
  progressRow->setContentsMargins(0, 0, 0, 0);
  progressRow->addWidget(m_progress, 1);
  progressRow->addWidget(m_cancel);
  auto* progressColumn = new QVBoxLayout(m_progressBox);
  progressColumn->setContentsMargins(0, 0, 0, 0);
  progressColumn->addWidget(m_progressText);
  progressColumn->addLayout(progressRow);

  m_form->setContentsMargins(0, 0, 0, 0);
  m_form->setHorizontalSpacing(16);
  m_form->setVerticalSpacing(6);
  m_form->setLabelAlignment(Qt::AlignLeft);

  auto* deviceRow = new QHBoxLayout;
  deviceRow->addWidget(m_deviceLabel);
  deviceRow->addWidget(m_picker, 1);
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(m_folder);
  buttons->addWidget(m_remove);
  buttons->addStretch();
  buttons->addWidget(m_load);

  auto* words = new QVBoxLayout;
  words->setSpacing(4);
  words->addWidget(m_title);
  words->addWidget(m_summary);
  auto* column = m_column = new QVBoxLayout(this);
  column->setContentsMargins(20, 20, 20, 16);
  column->setSpacing(16);
  column->addLayout(words);
  column->addWidget(m_errorBox);
  column->addWidget(m_vocabularyBox);
  column->addWidget(m_guideText);
  column->addWidget(m_verdictBox);
  column->addWidget(m_facts);
  column->addStretch();
  column->addWidget(m_progressBox);
  column->addLayout(deviceRow);
  column->addLayout(buttons);

  connect(m_load, &QPushButton::clicked, this, [this] {
    if (m_entry.state) Q_EMIT stateChatRequested(m_entry.path);
    else if (m_loaded) Q_EMIT chatRequested();
    else Q_EMIT loadRequested(m_entry.path);
  });
  connect(m_onCpu, &QPushButton::clicked, this, [this] { Q_EMIT loadOnCpuRequested(m_entry.path); });
  connect(m_shared, &QPushButton::clicked, this, [this] {
    const QString strategy = toQString(m_loadError->strategy);  // which ends with the error
    Q_EMIT loadSharedRequested(m_entry.path, strategy);
  });
  connect(m_cancel, &QPushButton::clicked, this, [this] {
    m_cancel->setEnabled(false);
    Q_EMIT cancelRequested();
  });
  connect(m_folder, &QPushButton::clicked, this, [this] { Q_EMIT showInFolderRequested(m_entry.path); });
  connect(m_remove, &QPushButton::clicked, this, [this] { Q_EMIT removeRequested(m_entry.path); });
  connect(m_vocabulary, &QPushButton::clicked, this, [this] { Q_EMIT vocabularyRequested(m_entry.path); });
  connect(m_ownVocabulary, &QPushButton::clicked, this, [this] { Q_EMIT ownVocabularyRequested(m_entry.path); });
  retranslate();
}

void ModelDetails::setEntry(const ModelEntry& entry, bool loaded, bool listed, std::uint64_t availableBytes) {
  if (entry.path != m_entry.path) {
    m_moreDetails->setChecked(false);
  }
  m_entry = entry;
  m_loaded = loaded;
  m_listed = listed;
  m_available = availableBytes;
  fill();
}

void ModelDetails::setFitting(const StateFit& fit) { m_fitting = fit; }

void ModelDetails::showLoading(const QString& path, EngineWork waitsFor) {
  m_loading = true;
  m_loadingPath = path;
  m_waitsFor = waitsFor;
  m_lastProgress.reset();
  m_loadError.reset();
  m_cancel->setEnabled(true);
  fill();
}

void ModelDetails::showProgress(const engine::LoadProgress& progress) {
  m_lastProgress = progress;
  fillProgress();
}

void ModelDetails::fillProgress() {
  if (!m_lastProgress) {
    m_progress->setRange(0, 0);
    const QString waits = waitingText(m_waitsFor);
    m_progressText->setText(waits.isEmpty() ? tr("Opening the model") : waits);
  } else if (m_lastProgress->stage == engine::LoadStage::WarmingUp) {
    m_progressText->setText(tr("Preparing the device"));
    m_progress->setRange(0, static_cast<int>(m_lastProgress->bytesTotal));
    m_progress->setValue(static_cast<int>(m_lastProgress->bytesDone));
  } else if (const auto total = m_lastProgress->bytesTotal; total > 0) {
    m_progressText->setText(tr("Loading: %1 of %2").arg(formatBytes(m_lastProgress->bytesDone), formatBytes(total)));
    m_progress->setRange(0, 1000);
    m_progress->setValue(static_cast<int>(1000.0 * static_cast<double>(m_lastProgress->bytesDone) / static_cast<double>(total)));
  }
}

void ModelDetails::showLoadEnded() {
  m_loading = false;
  fill();
}

void ModelDetails::showLoadError(const engine::Error& error, bool leftCpu) {
  m_loading = false;
  m_leftCpu = leftCpu;
  if (error.code != engine::ErrorCode::Cancelled) {
    m_loadError = error;
  }
  fill();
  if (!m_errorBox->isHidden()) announce(m_errorBox);
}

void ModelDetails::fillError() {
  const bool loadFailed = m_loadError && m_loadingPath == m_entry.path;  // the error of another model is not this one's
  const auto& error = m_entry.error ? m_entry.error : loadFailed ? m_loadError : m_entry.obstacle;
  m_errorBox->setVisible(error.has_value());
  m_onCpu->setVisible(loadFailed && !m_entry.error && cpuMayHelp(*m_loadError, m_leftCpu));
  m_shared->setVisible(m_onCpu->isVisibleTo(this) && !m_loadError->strategy.empty());
  if (!error) {
    return;
  }
  const bool fixable = m_entry.lacksVocabulary() && &error == &m_entry.obstacle;
  const bool chosenIsWrong = !m_entry.error && !loadFailed && !m_entry.vocabulary.isEmpty() && error->code != engine::ErrorCode::VersionUnsupported;
  m_errorIcon->setIconName(fixable ? QStringLiteral("warning") : QStringLiteral("error"));
  m_errorIcon->setTone(fixable ? Tone::Warning : Tone::Bad);
  const QString reason = toQString(error->message);
  m_errorText->setText(chosenIsWrong ? tr("%1 is not a vocabulary for this model. Choose another file.").arg(displayName(QFileInfo(m_entry.vocabulary).fileName())) + u' ' + reason
                       : error->code == engine::ErrorCode::VocabularyMissing
                           ? tr("The vocabulary of this model is missing. Choose its file, or get the model as a GGUF file, which brings its own.") + u' ' + reason
                       : loadFailed ? loadErrorText(*error, m_leftCpu, ErrorPlace::ModelsPage)
                                    : errorText(*error));
  const QString details = errorDetails(*error);
  const bool hasMore = !m_errorText->fullText().contains(details);
  m_moreDetails->setVisible(hasMore);
  m_errorDetails->setVisible(hasMore && m_moreDetails->isChecked());
  m_errorDetails->setText(details);
  m_errorBox->setAccessibleName(displayName(m_errorText->fullText(), kMostSaid));
}

void ModelDetails::fillStateVerdict() {
  m_verdictBox->show();
  m_need->hide();
  QStringList names;
  for (const QString& name : m_fitting.models) names << displayName(name);
  const QString list = QLocale().createSeparatedList(names);
  const std::string& stated = m_entry.state->label.model;
  const QString saver = stated.empty() ? tr("a model that it does not name") : displayName(toQString(stated));
  QString text;
  if (m_fitting.isCertain && !names.isEmpty()) {
    text = m_fitting.canBegin ? tr("Fits %1. A new chat can begin from it.").arg(list)
                              : tr("Fits %1. Load that model, then begin a chat from this state.").arg(list);
  } else if (!names.isEmpty()) {
    text = tr("Saved by %1, and means little to any other model. Of that shape here: %2. Whether that is the model shows when it is loaded.")
               .arg(saver, list);
  } else if (m_fitting.canBegin) {
    text = tr("Saved by another model than the one that is loaded, by %1. It means little to this one.").arg(saver);
  } else {
    text = tr("None of the models here fits it. Get the model that it was made for.");
  }
  m_verdict->setText(text);
  const bool isGood = m_fitting.isCertain && !names.isEmpty();
  m_verdictIcon->setIconName(isGood ? QStringLiteral("ok") : QStringLiteral("warning"));
  m_verdictIcon->setTone(isGood ? Tone::Good : Tone::Warning);
}

void ModelDetails::fillVerdict() {
  if (m_entry.state) {
    fillStateVerdict();
    return;
  }
  const Fit fit = fitOf(m_entry, m_available);
  m_verdictBox->setVisible(m_entry.info && fit < Fit::NeedsVocabulary);
  if (!m_entry.info) {
    return;
  }
  const QString need = formatBytes(m_entry.estimate.total()), free = formatBytes(m_available);
  const engine::DeviceInfo* device = m_picker->device();
  const bool onGpu = device != nullptr && !device->isCpu();
  QString text;
  if (onGpu) {
    text = fit == Fit::Fits    ? tr("Fits: it needs %1, and the device has %2. A chat never needs more, however long it gets.").arg(need, free)
           : fit == Fit::Tight ? tr("Just fits: it needs %1, and the device has %2. Close other programs that use it first.").arg(need, free)
           : fit == Fit::TooBig ? tr("Does not fit: it needs %1, and the device has only %2. Use the CPU, or choose a smaller model or one with 8-bit weights.").arg(need, free)
                                : tr("It needs %1.").arg(need);
  } else switch (fit) {
    case Fit::Fits: text = tr("Fits: it needs %1 and %2 are free. A chat never needs more, however long it gets.").arg(need, free); break;
    case Fit::Tight: text = tr("Just fits: it needs %1 and %2 are free. Close other programs first.").arg(need, free); break;
    case Fit::TooBig: text = tr("Does not fit: it needs %1 and only %2 are free. Close other programs, or choose a smaller model or one with 8-bit weights.").arg(need, free); break;
    default: text = tr("It needs %1.").arg(need);
  }
  m_verdict->setText(text);
  m_verdictIcon->setIconName(fit == Fit::Fits ? QStringLiteral("ok") : QStringLiteral("warning"));
  m_verdictIcon->setTone(fit == Fit::Fits ? Tone::Good : Tone::Warning);
  m_need->setVisible(m_available > 0);
  if (m_available > 0) {
    m_need->setValue(static_cast<int>(qMin(1000.0, 1000.0 * static_cast<double>(m_entry.estimate.total()) / static_cast<double>(m_available))));
  }
}

void ModelDetails::fill() {
  m_title->setText(m_entry.isGuide() ? guideName() : displayName(m_entry.name));
  m_summary->setText(m_entry.error ? formatBytes(m_entry.fileBytes) : entrySummary(m_entry));
  fillError();
  m_guideText->setVisible(m_entry.isGuide());
  m_vocabularyBox->setVisible(m_entry.info && (m_entry.lacksVocabulary() || !m_entry.vocabulary.isEmpty()));
  // Beside the problem it solves; without one below the facts.
  m_column->removeWidget(m_vocabularyBox);
  m_column->insertWidget(m_column->indexOf(m_entry.obstacle ? m_errorBox : m_facts) + 1, m_vocabularyBox);
  m_ownVocabulary->setVisible(!m_entry.vocabulary.isEmpty());
  fillVerdict();
  fillFacts();
  fillProgress();

  m_folder->setVisible(!m_entry.isGuide());
  m_remove->setVisible(m_listed && !m_loaded);
  m_progressBox->setVisible(m_loading && m_loadingPath == m_entry.path);
  m_deviceLabel->setVisible(!m_entry.state);
  m_picker->setVisible(!m_entry.state);
  if (m_entry.state) {
    m_load->setText(tr("&Begin a chat from it"));
    m_load->setEnabled(m_fitting.canBegin);
    return;
  }
  m_load->setText(m_loaded ? tr("&Chat with it") : fitOf(m_entry, m_available) == Fit::TooBig ? tr("&Load anyway") : tr("&Load"));
  m_load->setEnabled(m_loaded || (!m_loading && m_entry.canLoad()));
}

void ModelDetails::addFact(const QString& name, const QString& value) {
  auto* label = new MutedLabel(m_facts);
  label->setText(name);
  auto* text = new Label(value, m_facts);
  text->setTextInteractionFlags(Qt::TextSelectableByMouse);
  text->setWordWrap(true);
  m_form->addRow(label, text);
}

void ModelDetails::fillFacts() {
  while (m_form->rowCount() > 0) {
    m_form->removeRow(0);
  }
  m_facts->setVisible(m_entry.info || m_entry.state);
  if (m_entry.state) {
    fillStateFacts();
    return;
  }
  if (!m_entry.info) {
    return;
  }
  const QLocale locale;
  const auto& shape = m_entry.info->shape;
  const auto dtype = engine::traits(m_entry.info->dtype).name;
  addFact(tr("Generation"), QStringLiteral("RWKV-%1").arg(QString::fromLatin1(engine::versionName(shape.version))));
  addFact(tr("Parameters"), locale.toString(static_cast<qulonglong>(shape.parameters())));
  addFact(tr("Layers"), locale.toString(shape.layers));
  addFact(tr("Width"), shape.heads() > 0 ? tr("%1 (%2 heads of %3)").arg(locale.toString(shape.nEmbd)).arg(shape.heads()).arg(shape.headSize)
                                         : locale.toString(shape.nEmbd));
  const QString& file = m_entry.vocabulary.isEmpty() ? m_entry.vocabularyFile : m_entry.vocabulary;
  addFact(tr("Vocabulary"), tr("%1 tokens, %2").arg(locale.toString(shape.vocab),
                                                    file.isEmpty() ? tokenizerText(m_entry.info->tokenizer) : displayName(QFileInfo(file).fileName())));
  addFact(tr("Precision"), QString::fromLatin1(dtype.data(), static_cast<qsizetype>(dtype.size())));
  addFact(tr("Memory per chat"), tr("%1, however long the chat is").arg(formatBytes(shape.stateBytes())));
  addFact(tr("File"), tr("%1, %2").arg(formatBytes(m_entry.fileBytes), QString::fromLatin1(engine::containerName(m_entry.info->container))));
  if (const auto& unused = m_entry.info->unused; !unused.empty()) {
    constexpr std::size_t kShown = 5;
    QStringList names;
    for (std::size_t i = 0; i < std::min(unused.size(), kShown); ++i) names << displayName(toQString(unused[i]));
    if (unused.size() > kShown) names << QStringLiteral("…");
    addFact(tr("Not used"),
            tr("Tensors that no model of this generation has (%1): %2")
                .arg(locale.toString(static_cast<qulonglong>(unused.size())), names.join(QStringLiteral(", "))));
  }
  if (const QString name = fileNameText(m_entry.name); !name.isEmpty()) {
    addFact(tr("From its name"), name);
  }
}

void ModelDetails::fillStateFacts() {
  const QLocale locale;
  const engine::StateInfo& state = *m_entry.state;
  addFact(tr("Layers"), locale.toString(state.layers));
  addFact(tr("Width"), state.headSize > 0 ? tr("%1 (%2 heads of %3)").arg(locale.toString(state.nEmbd)).arg(state.nEmbd / state.headSize).arg(state.headSize)
                                          : locale.toString(state.nEmbd));
  if (state.kind == engine::StateKind::Tuned && state.form == "tuned") {
    addFact(tr("Order"), state.keyFirst ? tr("key before value, as web-rwkv and Ai00 write .st and .state files") : tr("value before key"));
  }
  if (!state.label.model.empty()) addFact(tr("Model"), displayName(toQString(state.label.model)));
  if (state.label.tokens) addFact(tr("Read"), tr("%n tokens", nullptr, static_cast<int>(std::min<quint64>(*state.label.tokens, 2'000'000'000))));
  const QDateTime saved = QDateTime::fromString(toQString(state.label.date), Qt::ISODate);
  if (saved.isValid()) addFact(tr("Saved"), locale.toString(saved.toLocalTime(), QLocale::ShortFormat));
  addFact(tr("File"), formatBytes(m_entry.fileBytes));
}

void ModelDetails::retranslate() {
  m_guideText->setText(tr("A very small model that this project trained. It answers questions about Rookery: what the pages do, "
                          "where things are kept, how to get and open models. It knows nothing else, and it is always there."));
  m_cancel->setText(tr("&Cancel"));
  m_deviceLabel->setText(tr("Ru&n on"));
  m_picker->setAccessibleName(tr("Device that the model runs on"));
  m_onCpu->setText(tr("Load on the C&PU"));
  m_shared->setText(tr("Share wi&th the CPU"));
  m_shared->setToolTip(plainToolTip(tr("As many layers as fit go to the graphics device, the others to the CPU")));
  m_folder->setText(tr("Sho&w in folder"));
  m_moreDetails->setText(tr("&Details"));
  m_remove->setText(tr("&Remove from the list"));
  m_remove->setToolTip(plainToolTip(tr("The file itself stays where it is")));
  m_vocabulary->setText(tr("Choose voca&bulary…"));
  m_ownVocabulary->setText(tr("&Use the model's own"));
  m_need->setAccessibleName(tr("Share of the free memory that this model needs"));
  m_progress->setAccessibleName(tr("Loading progress"));
  fill();
}

void ModelDetails::changeEvent(QEvent* event) {
  if (event->type() == QEvent::LanguageChange) {
    retranslate();
  }
  Card::changeEvent(event);
}

}  // namespace rookery::app
