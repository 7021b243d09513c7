// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDir>
#include <QDropEvent>
#include <QLabel>
#include <QListView>
#include <QMimeData>
#include <QPushButton>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QUrl>

#include "inference/engine_text.h"
#include "inference/inference_service.h"
#include "models/model_details.h"
#include "models/model_list.h"
#include "models/models_page.h"
#include "models/name_text.h"
#include "settings/settings.h"
#include "shell_support.h"
#include "support/plain_text.h"
#include "theme/label.h"

using namespace rookery::app;

namespace {
QString golden(const char* name) { return QStringLiteral(ROOKERY_TEST_DATA "/golden/") + QLatin1String(name); }

void drop(QWidget* target, const QString& path) {
  QMimeData data;
  data.setUrls({QUrl::fromLocalFile(path)});
  QDragEnterEvent enter(QPoint(20, 20), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
  QCoreApplication::sendEvent(target, &enter);  // Qt drops only where an enter was accepted
  QDropEvent event(QPointF(20, 20), Qt::CopyAction, &data, Qt::LeftButton, Qt::NoModifier);
  QCoreApplication::sendEvent(target, &event);
}
}  // namespace

class ModelsPageTest : public QObject {
  Q_OBJECT

 private Q_SLOTS:
  void init() {
    m_folder = std::make_unique<QTemporaryDir>();
    const Paths paths = Paths::inside(m_folder->path());
    QVERIFY(paths.create());
    m_settings = std::make_unique<Settings>(paths);
    m_page = std::make_unique<ModelsPage>(m_settings.get());
    m_page->resize(1000, 700);
    m_page->show();
  }
  void cleanup() {
    m_page.reset();
    m_settings.reset();
  }

  void theGuideIsAlwaysFirst() {
    QCOMPARE(m_page->list()->rowCount(), 1);
    QCOMPARE(m_page->list()->index(0).data().toString(), QStringLiteral("Guide model"));
    QSignalSpy asked(m_page.get(), &ModelsPage::loadRequested);
    load()->click();
    QCOMPARE(asked.count(), 1);
    QCOMPARE(asked[0][0].toString(), QString());
  }

  void theNewestGenerationComesFirstAndInItTheSmallest() {
    ModelListModel list;
    const auto add = [&list](const char* name, const char* shape) {
      ModelEntry entry;
      entry.path = entry.name = QLatin1String(name);
      if (shape != nullptr) {
        entry.info.emplace();
        entry.info->shape = *rookery::engine::officialShape(shape);
      }
      list.add(entry);
    };
    add("broken.pth", nullptr);
    add("a-7b-old", "rwkv6-7b");
    add("b-0.1b", "rwkv7-0.1b");
    add("a-2.9b", "rwkv7-2.9b");
    add("z-1b6-old", "rwkv6-1b6");
    add("z-3b-5", "rwkv5-3b");
    add("z-0.1b-5.0", "rwkv5-0.1b");
    QStringList names;
    for (int row = 1; row < list.rowCount(); ++row) names << list.index(row).data().toString();
    QCOMPARE(names, QStringList({QStringLiteral("b-0.1b"), QStringLiteral("a-2.9b"), QStringLiteral("z-1b6-old"), QStringLiteral("a-7b-old"), QStringLiteral("z-0.1b-5.0"), QStringLiteral("z-3b-5"), QStringLiteral("broken.pth")}));
  }

  void aLoadedModelLeadsToTheChat() {
    QSignalSpy asked(m_page.get(), &ModelsPage::loadRequested), chat(m_page.get(), &ModelsPage::chatRequested);
    m_page->setLoaded({});
    QCOMPARE(load()->text(), QStringLiteral("&Chat with it"));
    load()->click();
    QCOMPARE(chat.count(), 1);
    QCOMPARE(asked.count(), 0);
  }

  void aDroppedModelSaysWhatItIs() {
    const QString path = golden("models/v7_small/model.pth");
    drop(m_page.get(), path);
    QTRY_COMPARE(label("modelTitle")->text(), QStringLiteral("model.pth"));
    QVERIFY2(label("modelSummary")->text().contains(QStringLiteral("RWKV-7")), qPrintable(label("modelSummary")->text()));
    QVERIFY(m_settings->modelFiles().contains(path));  // known after a restart as well
  }

  // Every model of Hugging Face is a model.safetensors.
  void aModelInAFolderIsCalledAsTheFolder() {
    const QString folder = m_folder->filePath(QStringLiteral("rwkv7-0.4B-g1"));
    QVERIFY(QDir().mkpath(folder));
    QVERIFY(QFile::copy(golden("models/v7_micro/model.safetensors"), folder + u"/model.safetensors"));
    drop(m_page.get(), folder + u"/model.safetensors");
    QTRY_COMPARE(label("modelTitle")->text(), QStringLiteral("rwkv7-0.4B-g1"));
    QCOMPARE(m_page->list()->index(1).data().toString(), QStringLiteral("rwkv7-0.4B-g1"));
  }

  // A sound model that this build cannot chat with: that is said before Load is pressed, and how to mend it.
  void aModelWithoutAVocabularyIsNotLoadable() {
    const QString path = golden("models/v7_small/model.pth");
    drop(m_page.get(), path);
    QTRY_COMPARE(label("modelTitle")->text(), QStringLiteral("model.pth"));
    QVERIFY(!load()->isEnabled());
    QVERIFY(label("modelError")->isVisible());
    QVERIFY2(label("modelError")->text().contains(QStringLiteral("vocabulary")), qPrintable(label("modelError")->text()));
    QVERIFY(!label("modelVerdict")->isVisible());
    QCOMPARE(fitText(static_cast<Fit>(m_page->list()->find(path).data(ModelListModel::FitRole).toInt())), QStringLiteral("needs its vocabulary"));

    test::PreparedDialogs dialogs;
    dialogs.answer = golden("hostile/pth/not_a_zip.pth");
    button("modelVocabulary")->click();
    QTRY_VERIFY(label("modelError")->text().contains(QStringLiteral("not_a_zip.pth is not a vocabulary")));
    QVERIFY(!load()->isEnabled());
    dialogs.answer = test::byteVocabulary(m_folder->path());
    button("modelVocabulary")->click();
    QTRY_VERIFY(load()->isEnabled());
    QVERIFY(!label("modelError")->isVisible());
    QVERIFY2(label("modelVerdict")->text().startsWith(QStringLiteral("Fits")), qPrintable(label("modelVerdict")->text()));
    QCOMPARE(m_settings->vocabularyFor(path), dialogs.answer);  // for this model, and for the next start
    QCOMPARE(ModelsPage::requestFor(*m_settings, path).options.vocabulary.string(), dialogs.answer.toStdString());
    m_page->rescan();
    QTRY_VERIFY(button("modelsScan")->isEnabled());
    QVERIFY(load()->isEnabled());
    button("modelOwnVocabulary")->click();
    QTRY_VERIFY(!load()->isEnabled());
    QVERIFY(m_settings->vocabularyFor(path).isEmpty());
  }

  // Whether a generation runs is the engine's answer, not the page's.
  void theEngineDecidesWhatRuns() {
    ModelEntry entry = ModelCatalog::readEntry(golden("models/v7_small/model.pth"));
    entry.obstacle = rookery::engine::Error{rookery::engine::ErrorCode::VersionUnsupported, "Not this one.", ""};
    QCOMPARE(fitOf(entry, 1'000'000'000'000), Fit::CannotRun);
    ModelDetails details;
    details.show();
    details.setEntry(entry, false, false, 1'000'000'000'000);
    QVERIFY(!details.findChild<QPushButton*>(QStringLiteral("modelLoad"))->isEnabled());
    QVERIFY(!details.findChild<QPushButton*>(QStringLiteral("modelVocabulary"))->isVisible());
    QVERIFY(details.findChild<QLabel*>(QStringLiteral("modelError"))->isVisible());
  }

  // A name without blanks (of tensors, in a reason) breaks: the details stay as wide as they were.
  void aLongReasonDoesNotWidenThePage() {
    const QString path = m_folder->filePath(QStringLiteral("long.safetensors"));
    const int wide = m_page->findChild<ModelDetails*>()->width();
    ModelEntry entry;
    entry.path = path;
    entry.name = QStringLiteral("long.safetensors");
    const QByteArray name(300, 'a');
    entry.error = rookery::engine::Error{rookery::engine::ErrorCode::TensorMissing, "A tensor is missing.", "There is no tensor " + name.toStdString() + "."};
    m_page->list()->add(entry);
    m_page->select(path);
    button("modelErrorMore")->click();
    QVERIFY(label("modelErrorDetails")->isVisible());
    QVERIFY(label("modelErrorDetails")->minimumSizeHint().width() < wide);
    QTest::qWait(50);  // layouts follow one another
    QCOMPARE(m_page->findChild<ModelDetails*>()->width(), wide);
    QString shown = label("modelErrorDetails")->text();
    QVERIFY2(shown.remove(kBreak).contains(QString::fromLatin1(name)), qPrintable(shown));  // all of it
  }

  void aPictureIsNotRemembered() {
    QFile picture(m_folder->filePath(QStringLiteral("raven.png")));
    QVERIFY(picture.open(QIODevice::WriteOnly));
    picture.write("\x89PNG\r\n");
    picture.close();
    drop(m_page.get(), picture.fileName());
    QTRY_VERIFY(label("modelError")->isVisible());
    QVERIFY(m_settings->modelFiles().isEmpty());
    m_page->rescan();
    QTRY_COMPARE(m_page->list()->rowCount(), 1);
  }

  void anAddedFileCanBeRemovedAgain() {
    const QString path = m_folder->filePath(QStringLiteral("mine.pth"));
    QVERIFY(QFile::copy(golden("models/v7_small/model.pth"), path));
    drop(m_page.get(), path);
    QTRY_COMPARE(label("modelTitle")->text(), QStringLiteral("mine.pth"));
    QVERIFY(button("modelRemove")->isVisible());
    button("modelRemove")->click();
    QVERIFY(m_settings->modelFiles().isEmpty());
    QTRY_COMPARE(m_page->list()->rowCount(), 1);
    QCOMPARE(label("modelTitle")->text(), QStringLiteral("Guide model"));
    QVERIFY(!button("modelRemove")->isVisible());
    QVERIFY(QFile::exists(path));  // off the list, not off the disk
  }

  // In the folders, in the dialog and in the words of the page.
  void whateverATorchFileIsCalledItIsFound() {
    for (const char* suffix : {"pth", "pt", "ckpt", "PT"})
      QVERIFY(QFile::copy(golden("models/v7_micro/model.pth"), m_folder->filePath(QStringLiteral("mine.") + QLatin1String(suffix))));
    QVERIFY(QFile::copy(golden("models/v7_micro/model.pth"), m_folder->filePath(QStringLiteral("mine.txt"))));
    m_settings->setModelFolders({m_folder->path()});
    QTRY_COMPARE(m_page->list()->rowCount(), 5);
    QTRY_VERIFY(button("modelsScan")->isEnabled());
    QCOMPARE(m_page->list()->rowCount(), 5);
    test::PreparedDialogs dialogs;
    button("modelsOpen")->click();
    for (const char* pattern : {"*.pth", "*.pt ", "*.ckpt", "*.state", "*.st ", "*.safetensors ", "*.gguf", ";;All files (*)"})
      QVERIFY2(dialogs.filter.contains(QLatin1String(pattern)), qPrintable(dialogs.filter));
    QVERIFY2(label("modelsDrop")->text().contains(QStringLiteral(".pth, .pt, .ckpt, ")), qPrintable(label("modelsDrop")->text()));
  }

  // A Hugging Face cache holds links into a folder of blobs.
  void linksAreFollowedOnce() {
    const QString hub = m_folder->filePath(QStringLiteral("hub"));
    const QString model = hub + QStringLiteral("/models--a--b");
    QVERIFY(QDir().mkpath(model + QStringLiteral("/blobs")) && QDir().mkpath(model + QStringLiteral("/snapshots/0123")));
    QVERIFY(QFile::copy(golden("models/v7_micro/model.pth"), model + QStringLiteral("/blobs/abcd")));
    QVERIFY(QFile::link(QStringLiteral("../../blobs/abcd"), model + QStringLiteral("/snapshots/0123/linked.pth")));
    QVERIFY(QFile::link(QStringLiteral("../../blobs/abcd"), model + QStringLiteral("/snapshots/0123/same.pth")));
    QVERIFY(QFile::link(hub, model + QStringLiteral("/snapshots/ring")));
    m_settings->setModelFolders({hub});
    QTRY_COMPARE(m_page->list()->rowCount(), 2);
    QTRY_VERIFY(button("modelsScan")->isEnabled());
    QCOMPARE(m_page->list()->rowCount(), 2);
    QVERIFY(m_page->list()->index(1).data(ModelListModel::SummaryRole).toString().contains(QStringLiteral("RWKV-7")));
  }

  void aLoadErrorStaysWithItsModel() {
    ModelDetails details;
    details.show();
    ModelEntry a = ModelCatalog::readEntry(golden("models/v7_small/model.pth")), b = ModelCatalog::readEntry(golden("models/v7_micro/model.pth"));
    a.obstacle.reset();
    b.obstacle.reset();
    auto* error = details.findChild<QLabel*>(QStringLiteral("modelError"));
    details.setEntry(a, false, false, 1'000'000'000);
    details.showLoading(a.path);
    details.setEntry(b, false, false, 1'000'000'000);
    details.showLoadError({rookery::engine::ErrorCode::OutOfMemory, "1 GB is missing.", ""});
    QVERIFY(!error->isVisible());
    details.setEntry(a, false, false, 1'000'000'000);
    QVERIFY(error->isVisible());
  }

  // Load, pressed, through to the real engine.
  void loadReachesTheRealEngine() {
    InferenceService service;
    m_page->attach(&service);
    const QString path = golden("models/v7_small/model.pth");
    m_settings->setVocabularyFor(path, test::byteVocabulary(m_folder->path()));
    drop(m_page.get(), path);
    QTRY_COMPARE(label("modelTitle")->text(), QStringLiteral("model.pth"));
    QSignalSpy loaded(&service, &InferenceService::modelLoaded);
    load()->click();
    QVERIFY(label("modelProgressText")->isVisible());
    QVERIFY(loaded.wait(kLoadTimeout));
    QCOMPARE(load()->text(), QStringLiteral("&Chat with it"));
    QVERIFY(!label("modelProgressText")->isVisible());
    QVERIFY(m_page->list()->find(path).data(ModelListModel::LoadedRole).toBool());
    QVERIFY(service.tokenizer() != nullptr);
    QVERIFY(service.model() && service.model()->path == path);
  }

  void aFailedLoadSaysWhyAndKeepsTheOldModel() {
    InferenceService service;
    m_page->attach(&service);
    QSignalSpy loaded(&service, &InferenceService::modelLoaded), failed(&service, &InferenceService::loadFailed);
    load()->click();  // the guide
    QVERIFY(loaded.wait(kLoadTimeout));
    const QString path = m_folder->filePath(QStringLiteral("gone.pth"));
    QVERIFY(QFile::copy(golden("models/v7_small/model.pth"), path));
    m_settings->setVocabularyFor(path, test::byteVocabulary(m_folder->path()));
    drop(m_page.get(), path);
    QTRY_COMPARE(label("modelTitle")->text(), QStringLiteral("gone.pth"));
    QVERIFY(QFile::remove(path));
    load()->click();
    QVERIFY(failed.wait(kLoadTimeout));
    QVERIFY(label("modelError")->isVisible());
    QVERIFY2(label("modelError")->text().contains(QStringLiteral("no longer there")), qPrintable(label("modelError")->text()));
    QVERIFY(load()->isEnabled());  // for another try
    QVERIFY(service.model() && service.model()->isGuide);
    m_page->select({});
    QVERIFY(!label("modelError")->isVisible());
    QCOMPARE(load()->text(), QStringLiteral("&Chat with it"));
  }

  void aLoadDuringAnAnswerWaitsAndSaysSo() {
    InferenceService service;
    m_page->attach(&service);
    QSignalSpy loaded(&service, &InferenceService::modelLoaded);
    load()->click();
    QVERIFY(loaded.wait(kLoadTimeout));
    AnswerRequest endless;
    endless.messageId = 1;
    endless.fingerprint = service.model()->fingerprint;
    endless.makePrompt = [ids = service.tokenizer()->encode("User: Hello\n\nAssistant:")](std::stop_token) { return AnswerPrompt{.tokens = ids}; };
    endless.generate.maxTokens = 10'000'000;
    endless.generate.stopAtEndOfText = false;
    QSignalSpy batches(&service, &InferenceService::answerBatch), finished(&service, &InferenceService::answerFinished);
    const JobId answer = service.answer(endless);
    QVERIFY(batches.wait(kLoadTimeout));

    const QString path = golden("models/v7_micro/model.pth");
    m_settings->setVocabularyFor(path, test::byteVocabulary(m_folder->path()));
    drop(m_page.get(), path);
    QTRY_COMPARE(m_page->list()->rowCount(), 2);
    QTRY_VERIFY(load()->isEnabled());
    load()->click();
    QCOMPARE(label("modelProgressText")->text(), QStringLiteral("Waiting for the answer to end…"));
    QVERIFY(!loaded.wait(100));  // the answer is not broken off
    QCOMPARE(finished.count(), 0);
    service.stop(answer);
    QTRY_COMPARE_WITH_TIMEOUT(loaded.count(), 2, kLoadTimeout);
    QCOMPARE(finished.count(), 1);
    QCOMPARE(service.model()->path, path);
  }

  void aHostileFileIsASentence_data() {
    QTest::addColumn<QString>("file");
    QTest::newRow("not a zip") << golden("hostile/pth/not_a_zip.pth");
    QTest::newRow("executes code") << golden("hostile/pth/reduce_os_system.pth");
    QTest::newRow("truncated gguf") << golden("hostile/gguf/truncated_70.gguf");
    QTest::newRow("other architecture") << golden("hostile/gguf/architecture_unknown.gguf");
    QTest::newRow("empty") << golden("hostile/pth/truncated_0.pth");
  }
  void aHostileFileIsASentence() {
    QFETCH(QString, file);
    drop(m_page.get(), file);
    QTRY_VERIFY(label("modelError")->isVisible());
    const QString text = label("modelError")->text();
    QVERIFY2(text.endsWith(u'.') && text.contains(u' '), qPrintable(text));
    QVERIFY(!load()->isEnabled());
    // The engine's own sentence stands there, so nothing is folded away.
    const auto error = ModelCatalog::readEntry(file).error;
    QVERIFY(error);
    QVERIFY2(text.contains(QString::fromStdString(error->message)), qPrintable(text));
    QVERIFY(!label("modelErrorDetails")->isVisible());
    QCOMPARE(m_page->findChild<QPushButton*>(QStringLiteral("modelErrorMore"))->isVisible(), !error->details.empty());
  }

  // "Get it again" is advice only where another copy of the same file is what it takes.
  void aNewCopyIsAdvisedOnlyWhereItHelps() {
    using enum rookery::engine::ErrorCode;
    for (const auto code : {Cancelled, InvalidArgument, FileNotFound, FileUnreadable, FileWriteFailed, FileDamaged, FileIncomplete, FileUnsafe, FormatUnknown, NotRwkv,
                            VersionUnsupported, TensorMissing, TensorMismatch, OutOfMemory, DeviceUnavailable, StrategyInvalid, StateMismatch, VocabularyMissing,
                            VocabularyMismatch, VerificationFailed, NotFinite}) {
      const QString text = errorText({code, "模型.pth is what it is.", {}});
      QCOMPARE(text.contains(QStringLiteral("again."), Qt::CaseInsensitive) && text.contains(QStringLiteral("Get")), code == FileDamaged);
      const bool saysAll = code == Cancelled || code == OutOfMemory || code == DeviceUnavailable;
      QVERIFY2(text.contains(QStringLiteral("模型.pth is what it is.")) != saysAll, qPrintable(text));
    }
    for (const auto& [name, bytes, says] :
         {std::tuple{QStringLiteral("指针.pth"), QByteArray("version https://git-lfs.github.com/spec/v1\nsize 12\n"),
                     QStringLiteral("指针.pth is only a Git LFS pointer")},
          {QStringLiteral("回答.pth"), QByteArray("Entry not found"),
           QStringLiteral("回答.pth is a text that begins \"Entry not found\"")},
          {QStringLiteral("model.onnx"), QByteArray("\x08\x08\x12\x07pytorch"),
           QStringLiteral("model.onnx is a graph with weights")},
          {QStringLiteral("pickle.pth"), QByteArray("\x80\x04\x95 more"), QStringLiteral("Nothing in it was executed")}}) {
      QFile file(m_folder->filePath(name));
      QVERIFY(file.open(QIODevice::WriteOnly));
      file.write(bytes);
      file.close();
      drop(m_page.get(), file.fileName());
      QTRY_VERIFY2(label("modelError")->isVisible() && label("modelError")->text().contains(says),
                   qPrintable(label("modelError")->text()));
      QVERIFY(!label("modelError")->text().contains(QStringLiteral("Get it again")));
    }
  }

  void theVocabularyFileIsNamed() {
    const QString path = golden("models/v7_small/model.pth");
    m_settings->setVocabularyFor(path, test::byteVocabulary(m_folder->path()));
    const ModelEntry entry = ModelCatalog::readEntry(path, m_settings->vocabularyFor(path));
    QCOMPARE(entry.vocabularyFile, m_settings->vocabularyFor(path));
    // One that is not this model's: 257 tokens for 300.
    const ModelEntry wrong = ModelCatalog::readEntry(golden("models/v6_small/model.pth"), m_settings->vocabularyFor(path));
    QVERIFY(wrong.obstacle);
    QCOMPARE(wrong.obstacle->code, rookery::engine::ErrorCode::VocabularyMismatch);
    QVERIFY(wrong.lacksVocabulary());
    QVERIFY(!wrong.canLoad());
    ModelDetails details;
    details.show();
    details.setEntry(wrong, false, false, 1'000'000'000);
    const QString text = details.findChild<Label*>(QStringLiteral("modelError"))->text();
    QVERIFY2(text.contains(QStringLiteral("vocabulary.txt is not a vocabulary for this model")) && text.contains(QStringLiteral("257 tokens")), qPrintable(text));
    QVERIFY(details.findChild<QPushButton*>(QStringLiteral("modelVocabulary"))->isVisible());
    // Beside the model, under the official name: said, not only believed.
    ModelEntry beside = entry;
    beside.vocabulary.clear();
    beside.vocabularyFile = QStringLiteral("/models/rwkv_vocab_v20230424.txt");
    details.setEntry(beside, false, false, 1'000'000'000);
    QStringList facts;
    for (const auto* fact : details.findChildren<QLabel*>()) facts << fact->text();
    QVERIFY2(facts.filter(QStringLiteral("320 tokens, rwkv_vocab_v20230424.txt")).size() == 1, qPrintable(facts.join(u'\n')));
  }

  void aFileThatAsksToRunCodeIsNotCalledDamaged() {
    drop(m_page.get(), golden("hostile/pth/reduce_os_system.pth"));
    QTRY_VERIFY(label("modelError")->isVisible());
    const QString text = label("modelError")->text();
    QVERIFY2(text.contains(QStringLiteral("asks to run program code")), qPrintable(text));
    QVERIFY2(text.contains(QStringLiteral("Nothing was run")), qPrintable(text));
    QVERIFY2(!text.contains(QStringLiteral("damaged")) && !text.contains(QStringLiteral("Get it again")), qPrintable(text));
    QVERIFY(!load()->isEnabled());
  }

  void foldersAreScanned() {
    const QString models = m_settings->modelsFolder();
    QVERIFY(QDir().mkpath(models + u"/deep/er"));
    QVERIFY(QFile::copy(golden("models/v7_small/model.f16.gguf"), models + u"/deep/b.gguf"));
    QVERIFY(QFile::copy(golden("models/v7_micro/model.safetensors"), models + u"/a.safetensors"));
    QFile other(models + u"/notes.txt");
    QVERIFY(other.open(QIODevice::WriteOnly));
    m_page->rescan();
    QTRY_COMPARE(m_page->list()->rowCount(), 3);
    QCOMPARE(m_page->list()->index(1).data().toString(), QStringLiteral("a.safetensors"));
    QCOMPARE(m_page->list()->index(2).data().toString(), QStringLiteral("b.gguf"));
    QVERIFY(QFile::remove(models + u"/a.safetensors"));
    m_page->rescan();
    QTRY_COMPARE(m_page->list()->rowCount(), 2);
  }

  void tensorsThatAreNotUsedAreNamed() {
    ModelEntry entry =
        ModelCatalog::readEntry(golden("models/v7_small/model.pth"), test::byteVocabulary(m_folder->path()));
    QVERIFY(entry.info);
    const auto facts = [&entry] {
      ModelDetails details;
      details.setEntry(entry, false, false, 1'000'000'000'000);
      QStringList texts;
      for (const auto* label : details.findChildren<QLabel*>()) texts << label->text();
      return texts.join(QLatin1Char('\n'));
    };
    QVERIFY(!facts().contains(QStringLiteral("Not used")));
    entry.info->unused = {"blocks.0.att.key.bias", "<b>x", "3", "4", "5", "6"};
    QVERIFY(facts().contains(QStringLiteral("(6): blocks.0.att.key.bias, <b>x, 3, 4, 5, …")));
  }

  void aModelThatIsTooBigSaysSo() {
    ModelEntry entry = ModelCatalog::readEntry(golden("models/v7_small/model.pth"), test::byteVocabulary(m_folder->path()));
    QVERIFY(entry.info);
    QVERIFY(entry.canLoad());
    QCOMPARE(fitOf(entry, 1'000'000'000'000), Fit::Fits);
    QCOMPARE(fitOf(entry, entry.estimate.total() + 1), Fit::Tight);
    QCOMPARE(fitOf(entry, entry.estimate.total() - 1), Fit::TooBig);
    ModelDetails details;
    details.show();
    details.setEntry(entry, false, false, entry.estimate.total() / 2);
    QVERIFY(details.findChild<QLabel*>(QStringLiteral("modelVerdict"))->text().startsWith(QStringLiteral("Does not fit")));
    QVERIFY(details.findChild<QPushButton*>(QStringLiteral("modelLoad"))->isEnabled());  // load anyway
  }

  void loadingShowsProgressAndCanBeCancelled() {
    ModelDetails details;
    details.show();
    ModelEntry entry;
    entry.path = QStringLiteral("/m.pth");
    entry.name = QStringLiteral("m.pth");
    details.setEntry(entry, false, false, 1'000'000);
    details.showLoading(entry.path);
    details.showProgress({rookery::engine::LoadStage::Reading, 1'000'000, 4'000'000});
    QVERIFY(details.findChild<QLabel*>(QStringLiteral("modelProgressText"))->text().contains(QStringLiteral("1.00 MB of 4.00 MB")));
    QSignalSpy cancelled(&details, &ModelDetails::cancelRequested);
    details.findChild<QPushButton*>(QStringLiteral("modelCancel"))->click();
    QCOMPARE(cancelled.count(), 1);
    details.showLoadError({rookery::engine::ErrorCode::Cancelled, "", ""});
    QVERIFY(!details.findChild<QLabel*>(QStringLiteral("modelError"))->isVisible());  // wanted, so no error
    details.showLoadError({rookery::engine::ErrorCode::OutOfMemory, "1 GB is missing.", ""});
    QVERIFY(details.findChild<QLabel*>(QStringLiteral("modelError"))->isVisible());
  }

  void theOfficialNameIsExplained() {
    const QString text = fileNameText(QStringLiteral("rwkv7-g1d-0.1b-20260129-ctx8192.pth"));
    QCOMPARE(text.count(u'\n'), 4);
    QVERIFY2(text.startsWith(QStringLiteral("RWKV-7\n")), qPrintable(text));
    for (const char* part : {"G1d", "0.1B", "192 tokens", "2026"}) QVERIFY2(text.contains(QLatin1String(part)), qPrintable(text));
    QVERIFY(fileNameText(QStringLiteral("RWKV-x060-World-3B-v2.1-20240417-ctx4096.pth")).contains(QStringLiteral("1.42 trillion")));
    QCOMPARE(fileNameText(QStringLiteral("llama-3-8b.gguf")), QString());
  }

 private:
  static constexpr int kLoadTimeout = 30'000;

  QLabel* label(const char* name) { return m_page->findChild<QLabel*>(QLatin1String(name)); }
  QPushButton* button(const char* name) { return m_page->findChild<QPushButton*>(QLatin1String(name)); }
  QPushButton* load() { return m_page->findChild<QPushButton*>(QStringLiteral("modelLoad")); }

  std::unique_ptr<QTemporaryDir> m_folder;
  std::unique_ptr<Settings> m_settings;
  std::unique_ptr<ModelsPage> m_page;
};

QTEST_MAIN(ModelsPageTest)
#include "models_page_test.moc"
