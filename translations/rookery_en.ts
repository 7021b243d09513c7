<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>Application</name>
    <message numerus="yes">
        <source>%n chats</source>
        <translation>
            <numerusform>%n chat</numerusform>
            <numerusform>%n chats</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n messages</source>
        <translation>
            <numerusform>%n message</numerusform>
            <numerusform>%n messages</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n old memories of chats were dropped to stay within the limit (Settings, Memory of chats)</source>
        <translation>
            <numerusform>%n old memory of a chat was dropped to stay within the limit (Settings, Memory of chats)</numerusform>
            <numerusform>%n old memories of chats were dropped to stay within the limit (Settings, Memory of chats)</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>BenchText</name>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n thread</numerusform>
            <numerusform>%n threads</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n run(s)</source>
        <translation>
            <numerusform>%n run</numerusform>
            <numerusform>%n runs</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>RunTime</name>
    <message numerus="yes">
        <source>Takes up to %n minute(s).</source>
        <translation>
            <numerusform>Takes up to %n minute.</numerusform>
            <numerusform>Takes up to %n minutes.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Takes about %n minute(s).</source>
        <translation>
            <numerusform>Takes about %n minute.</numerusform>
            <numerusform>Takes about %n minutes.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::Composer</name>
    <message numerus="yes">
        <source>%Ln token(s)</source>
        <translation>
            <numerusform>%Ln token</numerusform>
            <numerusform>%Ln tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::ConversationList</name>
    <message numerus="yes">
        <source>and %n more</source>
        <translation>
            <numerusform>and %n more</numerusform>
            <numerusform>and %n more</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::HistoryView</name>
    <message numerus="yes">
        <source>CPU, %n thread(s)</source>
        <translation>
            <numerusform>CPU, %n thread</numerusform>
            <numerusform>CPU, %n threads</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::MainWindow</name>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n thread</numerusform>
            <numerusform>%n threads</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::MemoryChart</name>
    <message numerus="yes">
        <source>%n block(s)</source>
        <translation>
            <numerusform>%n block</numerusform>
            <numerusform>%n blocks</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::MessageWidget</name>
    <message numerus="yes">
        <source>%Ln token(s)</source>
        <translation>
            <numerusform>%Ln token</numerusform>
            <numerusform>%Ln tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::ModelDetails</name>
    <message numerus="yes">
        <source>%n tokens</source>
        <translation>
            <numerusform>%n tokens</numerusform>
            <numerusform>%n tokens</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::SettingsPage</name>
    <message numerus="yes">
        <source>%n chat(s) will be deleted for good, with all messages. This cannot be undone.</source>
        <translation>
            <numerusform>%n chat will be deleted for good, with all messages. This cannot be undone.</numerusform>
            <numerusform>%n chats will be deleted for good, with all messages. This cannot be undone.</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n old memories deleted since Rookery started, to stay within the limit</source>
        <translation>
            <numerusform>%n old memory deleted since Rookery started, to stay within the limit</numerusform>
            <numerusform>%n old memories deleted since Rookery started, to stay within the limit</numerusform>
        </translation>
    </message>
</context>
</TS>
