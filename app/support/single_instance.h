// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QByteArray>
#include <QObject>
#include <QString>

class QLocalServer;
class QWidget;

namespace rookery::app {

/// A second start with the same data folder asks the first one to come forward, over a socket of this user and folder.
/// GUI thread.
class SingleInstance : public QObject {
  Q_OBJECT

 public:
  /// `folder` need not exist yet.
  explicit SingleInstance(const QString& folder, QObject* parent = nullptr);

  /// Asks another one that listens, with the token by which the desktop lets its window take the focus. True: it answered.
  /// False after at most `milliseconds`.
  bool askOther(const QByteArray& activationToken, int milliseconds) const;
  /// Only the holder of the folder's lock may listen: what is left of a killed one is removed.
  void listen();

 Q_SIGNALS:
  void asked(const QByteArray& activationToken);

 private:
  void answer();

  QString m_name;
  QLocalServer* m_server;
};

/// The token that the desktop gave to this program for its start; it is for one use.
QByteArray takeActivationToken();
/// Shows `window` above the others, with the focus if the desktop allows it.
void bringForward(QWidget& window, const QByteArray& activationToken);

}  // namespace rookery::app
