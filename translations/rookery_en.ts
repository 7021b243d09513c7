<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>BenchText</name>
    <message numerus="yes">
        <source>%n thread(s)</source>
        <translation>
            <numerusform>%n thread</numerusform>
            <numerusform>%n threads</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::BenchPage</name>
    <message numerus="yes">
        <source>CPU, %n thread(s)</source>
        <translation>
            <numerusform>CPU, %n thread</numerusform>
            <numerusform>CPU, %n threads</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>rookery::app::Composer</name>
    <message numerus="yes">
        <source>%n token(s)</source>
        <translation>
            <numerusform>%n token</numerusform>
            <numerusform>%n tokens</numerusform>
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
        <source>%n token(s)</source>
        <translation>
            <numerusform>%n token</numerusform>
            <numerusform>%n tokens</numerusform>
        </translation>
    </message>
</context>
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
    <name>rookery::app::SettingsPage</name>
    <message numerus="yes">
        <source>%n old memories dropped since the start, to stay within the limit</source>
        <translation>
            <numerusform>%n old memory dropped since the start, to stay within the limit</numerusform>
            <numerusform>%n old memories dropped since the start, to stay within the limit</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n chat(s) will be deleted for good, with all messages. This cannot be undone.</source>
        <translation>
            <numerusform>%n chat will be deleted for good, with all messages. This cannot be undone.</numerusform>
            <numerusform>%n chats will be deleted for good, with all messages. This cannot be undone.</numerusform>
        </translation>
    </message>
</context>
</TS>
