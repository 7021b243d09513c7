// SPDX-License-Identifier: GPL-3.0-or-later
#include "support/single_instance.h"

#include <QCryptographicHash>
#include <QDeadlineTimer>
#include <QDir>
#include <QFileInfo>
#include <QLocalServer>
#include <QLocalSocket>
#include <QLoggingCategory>
#include <QStandardPaths>
#include <QTimer>
#include <QWidget>
#include <algorithm>

namespace rookery::app {
namespace {

Q_LOGGING_CATEGORY(lcInstance, "rookery.instance")
constexpr auto kAsk = "show ";
constexpr auto kAnswer = "shown\n";
constexpr qint64 kLongestLine = 4096;
constexpr int kPatienceMs = 5'000;  // with one that connects and says nothing

/// The same for every way to write the folder, and short: a socket's path has little room.
QString nameFor(const QString& folder) {
  const QString canonical = QFileInfo(folder).canonicalFilePath();
  const QString whole = canonical.isEmpty() ? QDir::cleanPath(QFileInfo(folder).absoluteFilePath()) : canonical;
  const QString name = u"rookery-" + QString::fromLatin1(QCryptographicHash::hash(whole.toUtf8(), QCryptographicHash::Sha256).toHex().left(24));
#ifdef Q_OS_UNIX
  const QString place = QStandardPaths::writableLocation(QStandardPaths::RuntimeLocation);  // of this user alone
  if (!place.isEmpty()) return place + u'/' + name;
#endif
  return name;
}

}  // namespace

SingleInstance::SingleInstance(const QString& folder, QObject* parent) : QObject(parent), m_name(nameFor(folder)), m_server(new QLocalServer(this)) {
  m_server->setSocketOptions(QLocalServer::UserAccessOption);
  connect(m_server, &QLocalServer::newConnection, this, &SingleInstance::answer);
}

bool SingleInstance::askOther(const QByteArray& activationToken, int milliseconds) const {
  const QDeadlineTimer deadline(milliseconds);
  const auto left = [&deadline] { return static_cast<int>(std::max<qint64>(1, deadline.remainingTime())); };
  QLocalSocket socket;
  socket.connectToServer(m_name);
  if (!socket.waitForConnected(left())) return false;
  socket.write(kAsk + activationToken.toPercentEncoding() + '\n');
  QByteArray said;
  while (!said.contains('\n')) {
    if (!socket.waitForReadyRead(left()) || deadline.hasExpired()) return false;
    said += socket.readAll();
  }
  return said == kAnswer;
}

void SingleInstance::listen() {
  if (m_server->isListening()) return;
  QLocalServer::removeServer(m_name);
  if (!m_server->listen(m_name)) qCWarning(lcInstance) << "A second start will not find this one:" << m_server->errorString();
}

void SingleInstance::answer() {
  while (QLocalSocket* socket = m_server->nextPendingConnection()) {
    connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
    QTimer::singleShot(kPatienceMs, socket, &QObject::deleteLater);
    const auto read = [this, socket] {
      if (!socket->canReadLine()) {
        if (socket->bytesAvailable() > kLongestLine) socket->abort();
        return;
      }
      const QByteArray line = socket->readLine(kLongestLine).trimmed() + ' ';
      if (!line.startsWith(kAsk)) return socket->abort();
      Q_EMIT asked(QByteArray::fromPercentEncoding(line.mid(static_cast<qsizetype>(qstrlen(kAsk))).trimmed()));
      socket->write(kAnswer);
      socket->flush();
      socket->disconnectFromServer();
    };
    connect(socket, &QLocalSocket::readyRead, this, read);
    read();
  }
}

QByteArray takeActivationToken() {
  QByteArray token;
  for (const char* name : {"XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"}) {
    if (token.isEmpty()) token = qgetenv(name);
  }
  return token;
}

void bringForward(QWidget& window, const QByteArray& activationToken) {
  // Qt's Wayland plugin hands this on when the window asks for the focus.
  if (!activationToken.isEmpty()) qputenv("XDG_ACTIVATION_TOKEN", activationToken);
  window.setWindowState(window.windowState() & ~Qt::WindowMinimized);
  window.show();
  window.raise();
  window.activateWindow();
}

}  // namespace rookery::app
